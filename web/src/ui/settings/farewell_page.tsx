// The last page of an account: the receipt of its erasure, to keep, and how far that has come.
import { useEffect, useRef } from "preact/hooks";
import { client } from "../../store/client";
import { saveText } from "../../store/own/save_text";
import { Icon } from "../icon";
import { CopyButton } from "./copy_button";
import "../../styles/settings.css";

const STEPS: Record<string, string> = {
  access: "Signed out everywhere",
  rooms: "Gone from all rooms",
  messages: "Messages",
  presence: "Status",
  account: "Account",
};

export function FarewellPage({ receipt }: { receipt: string }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const erasure = client.farewell.erasure.value;
  const text = `Receipt of the erasure of a ChatCraft account at ${location.host}:\n${receipt}\n\nHow far it has come: ${location.origin}/api/v1/erasures/${receipt}\n`;
  return (
    <main class="welcome">
      <div class="welcome-card">
        <h1 ref={title} tabIndex={-1}>Your account is being erased</h1>
        <p>This is the receipt. With it you, or the operator, can see how far the erasure has come. It is shown only now.</p>
        <code class="secret">{receipt}</code>
        <div class="panel-actions">
          <CopyButton text={receipt} what="the receipt" />
          <button type="button" class="button" onClick={() => saveText("chatcraft-erasure.txt", text)}>
            <Icon name="download" size={18} /> Save
          </button>
        </div>
        {erasure && (
          <>
            <p role="status">{erasure.state === "finished" ? "All is erased." : "It goes on by itself; you can leave."}</p>
            <ul class="own-list" aria-label="Steps">
              {erasure.steps.map(({ name, finished_at }) => (
                <li key={name} class="own-line">
                  <Icon name={finished_at ? "check" : "clock"} size={18} />
                  <span class="own-line-text">{STEPS[name] ?? name}</span>
                  <span class="panel-hint">{finished_at ? "done" : "to be done"}</span>
                </li>
              ))}
            </ul>
          </>
        )}
        <button type="button" class="button button-primary" onClick={() => client.farewell.forget()}>I have kept it</button>
      </div>
    </main>
  );
}
