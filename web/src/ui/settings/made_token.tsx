// A new API token, which the server shows this once.
import type { NewToken } from "../../store/failure";
import { own } from "../../store/own/own";
import { CopyButton } from "./copy_button";
import { focusPanel, Panel } from "./panel";

export const MADE_TOKEN = "made-token";

export function MadeToken({ token }: { token: NewToken }) {
  return (
    <div class="shown-once">
      <Panel id={MADE_TOKEN} title={`The token “${token.name}”`} hint="It is shown only now. Treat it like a password.">
        <code class="secret">{token.token}</code>
        <div class="panel-actions">
          <CopyButton text={token.token} what="the token" />
          <button
            type="button"
            class="button button-primary"
            onClick={() => {
              own.bots.forgetMade();
              focusPanel("bots");
            }}
          >
            I have kept it
          </button>
        </div>
      </Panel>
    </div>
  );
}
