// The first page: sign in with a passkey, at a provider, or with a password.
import { useEffect, useState } from "preact/hooks";
import { client } from "../store/client";
import type { Provider } from "../store/failure";
import { findNamedOrigin, whyNoPasskeys } from "../store/passkey_place";
import { useAction } from "./action_state";
import { Field } from "./field";
import { Form } from "./form";
import { FormError } from "./form_error";
import { Icon } from "./icon";
import { later } from "./later";
import { PlaceButton } from "./place_button";
import { Welcome } from "./welcome";

const SecondStep = later(async () => (await import("./entry/second_step")).SecondStep);

export function SignIn() {
  const step = client.signingIn.step.value;
  if (step) return <Welcome key="second" title="One more step"><SecondStep step={step} /></Welcome>;
  return <Welcome key="first" title="Sign in" notice={client.account.notice.value}><FirstStep /></Welcome>;
}

function FirstStep() {
  const providers = client.registering.policy.value?.providers ?? [];
  const canPasskeys = whyNoPasskeys() === null;
  useEffect(() => {
    client.signingIn.offerPasskeys();
    return () => client.signingIn.stopOffering();
  }, []);
  return (
    <>
      {(canPasskeys || providers.length > 0) && (
        <>
          <div class="welcome-ways">
            {canPasskeys && <PasskeyButton />}
            {providers.map((provider) => <ProviderButton key={provider.id} provider={provider} />)}
          </div>
          <p class="welcome-or"><span>or</span></p>
        </>
      )}
      <PasswordForm />
      {canPasskeys || <NoPasskeys />}
      <p class="welcome-switch"><WayToRegister /></p>
    </>
  );
}

function PasskeyButton() {
  const action = useAction(async () => {
    try {
      await client.signingIn.byPasskey();
    } catch (error) {
      client.signingIn.offerPasskeys();
      throw error;
    }
  });
  const error = action.error ?? client.signingIn.offerError.value;
  return (
    <>
      <button type="button" class="button" aria-disabled={action.isBusy} onClick={action.run}>
        <Icon name="key" size={18} /> {action.isBusy ? "Waiting for your passkey…" : "Sign in with a passkey"}
      </button>
      <FormError error={error} text={error?.code === "unauthenticated" ? NOT_ACCEPTED : undefined} />
    </>
  );
}

function ProviderButton({ provider }: { provider: Provider }) {
  const { isBusy, error, run } = useAction(() => client.oidc.begin(provider));
  return (
    <>
      <button type="button" class="button" aria-disabled={isBusy} onClick={run}>Continue with {provider.name}</button>
      <FormError error={error} />
    </>
  );
}

const NOT_ACCEPTED = "This passkey was not accepted: it may have been removed here. Sign in another way.";

const WHY_NOT = {
  needs_https: "Passkeys need https, and this page was opened without it.",
  needs_name: "Passkeys do not work at an address that is a number.",
  needs_browser: "This browser has no passkeys.",
} as const;

function NoPasskeys() {
  const named = findNamedOrigin();
  return (
    <p class="field-hint">
      {WHY_NOT[whyNoPasskeys() ?? "needs_browser"]}{" "}
      {named && <>Open <a href={named}>{named.replace(/^.*:\/\//, "")}</a> to use one.</>}
    </p>
  );
}

function PasswordForm() {
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const action = useAction(() => client.signingIn.byPassword(login.trim(), password));
  const { error } = action;
  const mustVerify = error?.details.reason === "verify_email";
  const said = error?.code === "unauthenticated" ? "The user name or the password is wrong." : undefined;
  return (
    <Form action={action} label="Sign in" busyLabel="Signing in…" fields={["login", "password"]} error={mustVerify ? null : said}>
      <Field
        label="User name or e-mail"
        name="username"
        autoComplete="username webauthn"
        value={login}
        onInput={setLogin}
        error={error?.problemOf("login")}
        isRequired
        hasFocus
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete="current-password"
        value={password}
        onInput={setPassword}
        error={error?.problemOf("password")}
        isRequired
      />
      {mustVerify && (
        <p class="welcome-notice" role="alert">
          Your e-mail address waits to be confirmed: follow the link in the mail that was sent to you, then sign in.{" "}
          <PlaceButton place="resend_verification">Send it again</PlaceButton>
        </p>
      )}
      <ForgottenPassword />
    </Form>
  );
}

function ForgottenPassword() {
  if (client.registering.policy.value?.sends_mail !== true) return null;
  return <PlaceButton place="forgotten_password">Forgot your password?</PlaceButton>;
}

function WayToRegister() {
  if (client.registering.policy.value?.registration === "closed") return <>New accounts are made by an administrator.</>;
  return <>New here? <PlaceButton place="register">Create an account</PlaceButton></>;
}
