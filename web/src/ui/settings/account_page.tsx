// Our e-mail address and our password.
import { useEffect, useState } from "preact/hooks";
import { client } from "../../store/client";
import type { Me } from "../../store/failure";
import { own } from "../../store/own/own";
import { useAction } from "../action_state";
import { Field } from "../field";
import { FormError } from "../form_error";
import { sayProblem } from "../problem_text";
import { say } from "./notice";
import { focusPanel, Loaded, Panel } from "./panel";

// What the server calls the provider of a directory (LDAP).
const DIRECTORY = "ldap";

export function AccountPage() {
  const me = client.account.me.value;
  useRefresh();
  if (!me) return null;
  return (
    <>
      <Panel id="email" title="E-mail address" hint="For links when you forget your password, and news of new devices.">
        <EmailState me={me} />
        <Loaded of={own.contact.policy}>
          {({ sends_mail }) => sends_mail
            ? <EmailForms key={me.email ?? ""} me={me} />
            : <p class="panel-hint">This server sends no mail, so addresses cannot be set or verified here.</p>}
        </Loaded>
      </Panel>
      <Panel id="password" title="Password" hint="When you set or change it, you are signed out on all other devices, and your API tokens end.">
        <Loaded of={own.factors.factors}>
          {({ has_password, passkeys }) => has_password
            ? <PasswordForm />
            : <FirstPasswordForm hasPasskeys={passkeys.length > 0} />}
        </Loaded>
      </Panel>
    </>
  );
}

/** The link may be opened anywhere: whoever comes back from there sees what it did. */
function useRefresh(): void {
  useEffect(() => {
    const refresh = (): void => {
      if (document.visibilityState === "visible") own.contact.refresh().catch(() => {});
    };
    refresh();
    document.addEventListener("visibilitychange", refresh);
    return () => document.removeEventListener("visibilitychange", refresh);
  }, []);
}

function EmailState({ me }: { me: Me }) {
  const asked = own.contact.askedEmail.value;
  return (
    <>
      {me.email ? (
        <p class="panel-row">
          <bdi class="panel-value">{me.email}</bdi>
          <span class="tag">{me.email_verified ? "verified" : "not verified"}</span>
        </p>
      ) : (
        <p>You have given no address.</p>
      )}
      {asked && (
        <p class="panel-note">
          A link is on its way to <bdi>{asked}</bdi>. It makes the address yours; until you open it, nothing changes.
        </p>
      )}
    </>
  );
}

function EmailForms({ me }: { me: Me }) {
  const [email, setEmail] = useState("");
  const change = useAction(async () => {
    await own.contact.changeEmail(email.trim());
    setEmail("");
    say("A link was sent.");
  });
  return (
    <>
      {me.email && !me.email_verified && <Resend email={me.email} />}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (email.trim()) change.run();
        }}
      >
        <div class="field-row">
          <Field label={me.email ? "Another address" : "E-mail address"} name="email" type="email" autoComplete="email" value={email}
            onInput={setEmail} error={sayProblem(change.error, "email")} maxLength={254} isRequired />
          <button type="submit" class="button" aria-disabled={change.isBusy}>Send link</button>
        </div>
        <FormError error={change.error} fields={["email"]} />
      </form>
    </>
  );
}

function Resend({ email }: { email: string }) {
  const { isBusy, error, run } = useAction(async () => {
    await own.contact.resendVerification(email);
    say("The link was sent again.");
  });
  return (
    <div class="panel-actions">
      <button type="button" class="button" aria-disabled={isBusy} onClick={run}>Send the link again</button>
      <FormError error={error} />
    </div>
  );
}

function PasswordForm() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const { isBusy, error, run } = useAction(async () => {
    await own.contact.changePassword(current, next);
    setCurrent("");
    setNext("");
    say("Your password is changed.");
  });
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <Username />
      <Field label="Present password" name="current-password" type="password" autoComplete="current-password" value={current}
        onInput={setCurrent} error={sayProblem(error, "current_password", "This password")} isRequired />
      <NewPassword value={next} onInput={setNext} error={sayProblem(error, "new_password", "A password")} />
      <FormError error={error} fields={["current_password", "new_password"]} />
      <div class="panel-actions">
        <button type="submit" class="button" aria-disabled={isBusy}>Change password</button>
      </div>
    </form>
  );
}

/** For who signs in by other ways, which stay; but for the password of a directory. */
function FirstPasswordForm({ hasPasskeys }: { hasPasskeys: boolean }) {
  const [password, setPassword] = useState("");
  const { isBusy, error, run } = useAction(async () => {
    await own.contact.setPassword(password);
    say("Your password is set.");
    focusPanel("password");
    await own.factors.factors.load();
  });
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <p>{`You sign in without a password${hasPasskeys ? ", by passkey" : ""}.`}</p>
      <Loaded of={own.identities.identities}>
        {(identities) => {
          const directory = identities.find(({ provider_id }) => provider_id === DIRECTORY);
          return directory && <p class="panel-note">{`A password set here takes the place of the one of ${directory.provider_name}: that one is no longer good for signing in here.`}</p>;
        }}
      </Loaded>
      <Username />
      <NewPassword value={password} onInput={setPassword} error={sayProblem(error, "password", "A password")} />
      <FormError error={error} fields={["password"]} />
      <div class="panel-actions">
        <button type="submit" class="button" aria-disabled={isBusy}>Set password</button>
      </div>
    </form>
  );
}

/** Password managers need to know whose it is. */
function Username() {
  return <input type="text" name="username" autocomplete="username" value={client.account.me.value?.username ?? ""} hidden readOnly />;
}

function NewPassword({ value, onInput, error }: { value: string; onInput: (text: string) => void; error: string | undefined }) {
  const hint = `At least ${own.contact.policy.value.value?.password_min ?? 8} characters.`;
  return (
    <Field label="New password" name="new-password" type="password" autoComplete="new-password" value={value} hint={hint}
      onInput={onInput} error={error} isRequired />
  );
}
