// The end of our account: what becomes of what we wrote, and a name to type, so that nobody does it by mistake.
import { useEffect, useState } from "preact/hooks";
import { client } from "../../store/client";
import { own } from "../../store/own/own";
import { useAction } from "../action_state";
import { Field } from "../field";
import { FormError } from "../form_error";
import { Panel } from "./panel";

type Messages = "erase" | "anonymise";

const CHOICES: Record<Messages, { name: string; hint: string }> = {
  erase: { name: "Erase my messages", hint: "They go from all rooms, for everybody." },
  anonymise: { name: "Leave my messages without my name", hint: "They stay under “Deleted user”." },
};

export function ErasurePanel() {
  const [messages, setMessages] = useState<Messages>("erase");
  const [typed, setTyped] = useState("");
  const { isBusy, error, run } = useAction(() => own.privacy.erase(messages));
  // Afterwards is too late to find that it cannot be loaded.
  useEffect(() => void import("./farewell_page").catch(() => {}), []);
  const username = client.account.me.value?.username ?? "";
  const isConfirmed = username !== "" && typed.trim().toLowerCase() === username;
  return (
    <Panel id="erasure" title="Erase your account" hint="Your account, your bots and all that is kept about you go for good. Nobody can bring them back.">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isConfirmed) run();
        }}
      >
        <fieldset class="choices">
          <legend>What becomes of your messages</legend>
          {(Object.keys(CHOICES) as Messages[]).map((value) => (
            <label key={value} class="choice">
              <input type="radio" name="messages" checked={messages === value} onChange={() => setMessages(value)} />
              <span>
                <span class="choice-name">{CHOICES[value].name}</span>
                <span class="choice-hint">{CHOICES[value].hint}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <Field label="Type your user name to confirm" hint={username} value={typed} onInput={setTyped} maxLength={32} />
        <FormError error={error} />
        <div class="panel-actions">
          <button type="submit" class={isConfirmed ? "button button-danger" : "button"} aria-disabled={!isConfirmed || isBusy}>
            Erase my account
          </button>
        </div>
      </form>
    </Panel>
  );
}
