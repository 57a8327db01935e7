// Asks once more who we are, before something that matters is changed. Any command may want it: see store/step_up.ts.
import { useState } from "preact/hooks";
import { client } from "../../store/client";
import type { Provider } from "../../store/failure";
import { own } from "../../store/own/own";
import type { ProofMethod } from "../../store/step_up";
import { useAction } from "../action_state";
import { Dialog } from "../dialog";
import { Field } from "../field";
import { FormError } from "../form_error";
import { Icon } from "../icon";
import { Loaded } from "./panel";

const SIGN_IN_AGAIN = "Sign out and in again, then change this.";

export function StepUpDialog({ methods }: { methods: readonly ProofMethod[] }) {
  const cancel = (): void => client.stepUp.cancel();
  const has = (method: ProofMethod): boolean => methods.includes(method);
  const byCode = has("totp") || has("recovery_code");
  return (
    <Dialog title="Is it you?" onClose={cancel}>
      <p>{methods.length > 0 ? "Confirm it before this is changed." : SIGN_IN_AGAIN}</p>
      {has("passkey") && <ByPasskey />}
      {has("password") && (
        <ByText
          label="Password" type="password" autoComplete="current-password" wrong="This password is wrong."
          prove={(password) => client.stepUp.byPassword(password)}
        />
      )}
      {byCode && (
        <ByText
          label={has("recovery_code") ? "Code of your app, or a recovery code" : "Code of your app"}
          type="text" autoComplete="one-time-code" wrong="This code is wrong, or was used already."
          prove={(code) => client.stepUp.byCode(code.trim())}
        />
      )}
      {has("provider") && <ByProvider isOnlyWay={methods.length === 1} />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={cancel}>Cancel</button>
      </div>
    </Dialog>
  );
}

function ByPasskey() {
  const { isBusy, error, run } = useAction(() => client.stepUp.byPasskey());
  return (
    <div class="form">
      <button type="button" class="button button-primary" aria-disabled={isBusy} onClick={run}>
        <Icon name="key" size={18} /> Use a passkey
      </button>
      <FormError error={error} />
    </div>
  );
}

/** Leaves this page: what waited is not done, and is asked for again by whoever comes back. */
function ByProvider({ isOnlyWay }: { isOnlyWay: boolean }) {
  return (
    <Loaded of={own.contact.policy}>
      {({ providers }) => (
        <Loaded of={own.identities.identities}>
          {(identities) => {
            const known = providers.filter(({ id }) => identities.some(({ provider_id }) => provider_id === id));
            if (known.length === 0) return isOnlyWay && <p>{SIGN_IN_AGAIN}</p>;
            return known.map((provider) => <AtProvider key={provider.id} provider={provider} />);
          }}
        </Loaded>
      )}
    </Loaded>
  );
}

function AtProvider({ provider }: { provider: Provider }) {
  const { isBusy, error, run } = useAction(() => client.oidc.beginProving(provider));
  return (
    <div class="form">
      <button type="button" class="button" aria-disabled={isBusy} onClick={run}>Confirm at {provider.name}</button>
      <p class="panel-hint">You come back to this page, and make the change once more.</p>
      <FormError error={error} />
    </div>
  );
}

interface ByTextProps {
  label: string;
  type: "text" | "password";
  autoComplete: string;
  wrong: string;
  prove: (text: string) => Promise<void>;
}

function ByText({ label, type, autoComplete, wrong, prove }: ByTextProps) {
  const [text, setText] = useState("");
  const { isBusy, error, run } = useAction(() => prove(text));
  const isWrong = error?.code === "mfa_failed";
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <div class="field-row">
        <Field label={label} type={type} name={autoComplete} autoComplete={autoComplete} value={text} onInput={setText}
          error={isWrong ? wrong : undefined} isRequired hasFocus />
        <button type="submit" class="button button-primary" aria-disabled={isBusy}>Confirm</button>
      </div>
      <FormError error={isWrong ? null : error} />
    </form>
  );
}
