// Recovery codes, which the server shows this once: to copy, to save, to print.
import { useEffect } from "preact/hooks";
import { client } from "../../store/client";
import { own } from "../../store/own/own";
import { saveText } from "../../store/own/save_text";
import { Icon } from "../icon";
import { CopyButton } from "./copy_button";
import { focusPanel, Panel } from "./panel";

const HOME = "recovery-codes";
const HINT = "Each of them signs you in once when your authenticator app is not at hand. They are shown only now: keep them safe.";

export function RecoveryCodes({ codes }: { codes: readonly string[] }) {
  useEffect(() => focusPanel(HOME), []);
  const username = client.account.me.value?.username ?? "";
  const text = `ChatCraft recovery codes of @${username} at ${location.host}\n\n${codes.join("\n")}\n`;
  return (
    <div class="shown-once printed">
      <Panel id={HOME} title="Your recovery codes" hint={HINT}>
        <p class="print-only">@{username} at {location.host}</p>
        <ol class="codes" aria-labelledby={HOME}>
          {codes.map((code) => <li key={code}><code>{code}</code></li>)}
        </ol>
        <div class="panel-actions">
          <CopyButton text={text} what="the recovery codes" />
          <button type="button" class="button" onClick={() => saveText("chatcraft-recovery-codes.txt", text)}>
            <Icon name="download" size={18} /> Save
          </button>
          <button type="button" class="button" onClick={() => print()}>
            <Icon name="print" size={18} /> Print
          </button>
          <button
            type="button"
            class="button button-primary"
            onClick={() => {
              own.factors.forgetCodes();
              focusPanel("totp");
            }}
          >
            I have kept them
          </button>
        </div>
      </Panel>
    </div>
  );
}
