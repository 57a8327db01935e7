// A message's text, rendered; mention chips follow the names of their people.
import { effect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { client } from "../store/client";
import { renderMarkdown } from "./markdown";

export function MessageText({ id, text }: { id: string; text: string }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const fragment = renderMarkdown(text);
    const chips = [...fragment.querySelectorAll<HTMLElement>(".mention")];
    element.current!.replaceChildren(fragment);
    for (const wide of element.current!.querySelectorAll<HTMLElement>("pre, table")) {
      // What scrolls by itself must be within reach of a keyboard.
      if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    }
    return effect(() => {
      const meId = client.account.userId.value;
      for (const chip of chips) {
        const { user, group } = chip.dataset;
        if (user) chip.textContent = `@${client.people.nameOf(user)}`;
        chip.classList.toggle("mention-me", user === meId || group === "room");
      }
    });
  }, [text]);
  return <div ref={element} id={id} class="message-text" dir="auto" />;
}
