// The second step of signing in: a code, a recovery code or a passkey, whichever the person has at hand.
import { useState } from "preact/hooks";
import { client } from "../../store/client";
import { whyNoPasskeys } from "../../store/passkey_place";
import type { SecondStep as Step } from "../../store/signing_in";
import { useAction } from "../action_state";
import { Field } from "../field";
import { Form } from "../form";
import { FormError } from "../form_error";

type Method = Step["methods"][number];

const INSTEAD: Record<Method, string> = {
  totp: "Use your authenticator app",
  recovery_code: "Use a recovery code",
  passkey: "Use a passkey",
};

const CODES = {
  totp: {
    label: "Code from your authenticator app",
    hint: "Six digits, new every half minute.",
    wrong: "This code is wrong, has expired, or was used already.",
  },
  recovery_code: {
    label: "Recovery code",
    hint: "One of those that you kept when you set this up. Each works once.",
    wrong: "This code is wrong or was used already.",
  },
} as const;

export function SecondStep({ step }: { step: Step }) {
  // At an address without passkeys there is no use in offering them.
  const methods = step.methods.filter((method) => method !== "passkey" || whyNoPasskeys() === null);
  const [method, setMethod] = useState<Method>(methods[0] ?? "totp");
  return (
    <>
      <p class="welcome-text">The first step is done. Now show by something else that it is you.</p>
      {method === "passkey" ? <PasskeyForm /> : <CodeForm key={method} method={method} />}
      <ul class="welcome-ways" aria-label="Other ways">
        {methods
          .filter((other) => other !== method)
          .map((other) => (
            <li key={other}>
              <button type="button" class="link-button" onClick={() => setMethod(other)}>{INSTEAD[other]}</button>
            </li>
          ))}
        <li>
          <button type="button" class="link-button" onClick={() => client.signingIn.close()}>Back to the start</button>
        </li>
      </ul>
    </>
  );
}

function CodeForm({ method }: { method: keyof typeof CODES }) {
  const [code, setCode] = useState("");
  const isDigits = method === "totp";
  const action = useAction(() => client.signingIn.byCode(code.trim(), !isDigits));
  const { label, hint, wrong } = CODES[method];
  const isWrong = action.error?.code === "mfa_failed" || action.error?.code === "invalid_input";
  return (
    <Form action={action} label="Continue" busyLabel="Checking…" error={isWrong ? null : undefined}>
      <Field
        label={label}
        hint={hint}
        name="code"
        autoComplete={isDigits ? "one-time-code" : "off"}
        value={code}
        onInput={setCode}
        error={isWrong ? wrong : undefined}
        maxLength={64}
        isRequired
        hasFocus
        {...(isDigits && { inputMode: "numeric" as const })}
      />
    </Form>
  );
}

function PasskeyForm() {
  const { isBusy, error, run } = useAction(() => client.signingIn.byPasskey());
  return (
    <>
      <FormError error={error} text={error?.code === "mfa_failed" ? "This passkey was not accepted." : undefined} />
      <button type="button" class="button button-primary" ref={focusAtFirst} aria-disabled={isBusy} onClick={run}>
        {isBusy ? "Waiting for your passkey…" : "Use a passkey"}
      </button>
    </>
  );
}

function focusAtFirst(element: HTMLButtonElement | null): void {
  element?.focus();
}
