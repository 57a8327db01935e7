// Codes of an authenticator app (TOTP): set up, confirm, turn off, and the recovery codes that go with them.
import { useEffect, useRef, useState } from "preact/hooks";
import type { TotpBegun } from "../../store/failure";
import { own } from "../../store/own/own";
import { useAction } from "../action_state";
import { Field } from "../field";
import { FormError } from "../form_error";
import { sayProblem } from "../problem_text";
import { AskFirst } from "./ask_first";
import { CopyButton } from "./copy_button";
import { Moment } from "./moment";
import { say } from "./notice";
import { focusPanel, Panel } from "./panel";

const HOME = "totp";
const HINT = "A code of six digits that an app on your phone shows, asked for after your password.";

export function TotpPanel({ sinceAt, codesLeft }: { sinceAt: string | null; codesLeft: number }) {
  const begun = own.factors.begun.value;
  return (
    <Panel id={HOME} title="Authenticator app" hint={HINT}>
      {sinceAt !== null ? <TurnedOn sinceAt={sinceAt} codesLeft={codesLeft} /> : begun ? <Confirm begun={begun} /> : <Begin />}
    </Panel>
  );
}

function Begin() {
  const { isBusy, error, run } = useAction(() => own.factors.beginTotp());
  return (
    <>
      <FormError error={error} />
      <div class="panel-actions">
        <button type="button" class="button" aria-disabled={isBusy} onClick={run}>Set up an authenticator app</button>
      </div>
    </>
  );
}

function Confirm({ begun }: { begun: TotpBegun }) {
  const [code, setCode] = useState("");
  const first = useRef<HTMLParagraphElement>(null);
  useEffect(() => first.current?.focus(), []);
  const { isBusy, error, run } = useAction(async () => {
    await own.factors.confirmTotp(code.trim());
    say("The authenticator app is on. You were signed out on all other devices.");
  });
  const isWrong = error?.code === "mfa_failed";
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <p ref={first} tabIndex={-1}>1. Scan this with your app, or type the key into it by hand.</p>
      <div class="totp-secret">
        {/* As a picture, an SVG runs no script and loads nothing, whatever is in it. */}
        <img class="qr" src={`data:image/svg+xml,${encodeURIComponent(begun.qr_svg)}`} width={196} height={196}
          alt="QR code of the key that stands beside it" />
        <div>
          <p class="panel-hint">Key</p>
          <code class="secret">{inGroups(begun.secret)}</code>
          <div class="panel-actions">
            <CopyButton text={begun.secret} what="the key" />
            {begun.otpauth_url.startsWith("otpauth:") && <a class="button" href={begun.otpauth_url}>Open in an app here</a>}
          </div>
        </div>
      </div>
      <Field label="2. The code that the app shows" inputMode="numeric" autoComplete="one-time-code" value={code} onInput={setCode}
        error={isWrong ? "This code is wrong. Is the clock of your device right?" : sayProblem(error, "code")} maxLength={16} isRequired />
      <FormError error={isWrong ? null : error} fields={["code"]} />
      <div class="panel-actions">
        <button type="submit" class="button button-primary" aria-disabled={isBusy}>Turn on</button>
        <button type="button" class="button" onClick={() => {
          own.factors.cancelTotp();
          focusPanel(HOME);
        }}>Cancel</button>
      </div>
    </form>
  );
}

function TurnedOn({ sinceAt, codesLeft }: { sinceAt: string; codesLeft: number }) {
  const isLow = codesLeft < 4;
  return (
    <>
      <p>On since <Moment at={sinceAt} />.</p>
      <p class={isLow ? "panel-note" : ""}>
        {codesLeft} recovery {codesLeft === 1 ? "code is" : "codes are"} left{isLow ? ": make new ones before you run out." : "."}
      </p>
      <div class="panel-actions">
        <AskFirst
          title="Make new recovery codes?"
          text="The codes that you have now stop working, and you are signed out on all other devices."
          action="Make new codes"
          perform={() => own.factors.renewCodes()}
          done="These are your new recovery codes."
          home="recovery-codes"
        >
          New recovery codes
        </AskFirst>
        <AskFirst
          title="Turn the authenticator app off?"
          text="Your password alone will be enough to sign in, and your recovery codes stop working."
          action="Turn off"
          perform={() => own.factors.removeTotp()}
          done="The authenticator app is off."
          home={HOME}
        >
          Turn off
        </AskFirst>
      </div>
    </>
  );
}

/** In fours, as a person reads and types it. */
function inGroups(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(" ") ?? secret;
}
