// The form for a new account: what the policy asks for, and nothing else.
import { useState } from "preact/hooks";
import { client } from "../../store/client";
import type { CommandError, Policy } from "../../store/failure";
import { readInvitation } from "../../store/registering";
import { useAction } from "../action_state";
import { Field } from "../field";
import { Form } from "../form";
import { sayProblem } from "../problem_text";
import { NameFields } from "./name_fields";
import { passwordRules } from "./password_rules";
import { TermsAndAge, useTerms } from "./terms_and_age";

const FIELDS = ["username", "display_name", "email", "password", "accepts_terms", "is_old_enough"];
const NOT_INVITED = "This invitation cannot be used: it was used up, withdrawn, is too old, or not all there.";

export function RegisterForm({ policy }: { policy: Policy }) {
  const [username, setUsername] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const invitation = useInvitation(policy);
  const terms = useTerms(policy);
  const action = useAction(() =>
    client.registering.register({
      username: username.trim(),
      password,
      display_name: displayName.trim() || null,
      email: email.trim() || null,
      invitation: invitation.value,
      ...terms.request,
    }),
  );
  const { error } = action;
  return (
    <Form
      action={action}
      label="Create account"
      busyLabel="Creating your account…"
      fields={FIELDS}
      error={saysElsewhere(error) ? null : undefined}
    >
      {invitation.isAsked && <InvitationField held={invitation} error={error} />}
      <NameFields {...{ username, setUsername, displayName, setDisplayName, error }} hasFocus={!invitation.isAsked} />
      <EmailField policy={policy} value={email} onInput={setEmail} error={error} />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete="new-password"
        hint={passwordRules(policy)}
        value={password}
        onInput={setPassword}
        error={sayProblem(error, "password", "The password")}
        isRequired
      />
      <TermsAndAge policy={policy} terms={terms} error={error} />
    </Form>
  );
}

/** Whether what is wrong stands beside a field already. */
export function saysElsewhere(error: CommandError | null): boolean {
  return error?.problemOf("username") !== undefined || error?.details.reason === "invitation";
}

interface HeldInvitation {
  isAsked: boolean;
  value: string | null;
  typed: string;
  setTyped: (typed: string) => void;
}

/** What the link brought, or what is typed where it brought nothing. */
export function useInvitation(policy: Policy): HeldInvitation {
  const [typed, setTyped] = useState("");
  const brought = client.place.invitation.value;
  if (policy.registration !== "invite") return { isAsked: false, value: null, typed, setTyped };
  return { isAsked: brought === null, value: brought ?? (readInvitation(typed) || null), typed, setTyped };
}

export function InvitationField({ held, error }: { held: HeldInvitation; error: CommandError | null }) {
  const isRefused = error?.details.reason === "invitation";
  return (
    <Field
      label="Invitation"
      hint="Accounts are by invitation here. Open the link that you were given, or paste it."
      value={held.typed}
      onInput={held.setTyped}
      error={isRefused ? NOT_INVITED : sayProblem(error, "invitation")}
      isRequired
      hasFocus
    />
  );
}

interface EmailProps {
  policy: Policy;
  value: string;
  onInput: (value: string) => void;
  error: CommandError | null;
}

/** Asked for where it is of use: where mail is sent, or where it decides who may register. */
function EmailField({ policy, value, onInput, error }: EmailProps) {
  const isRequired = policy.registration === "domain";
  if (!isRequired && !policy.sends_mail) return null;
  const domains = `An address at ${policy.domains.join(" or ")}: a link is sent there.`;
  return (
    <Field
      label={isRequired ? "E-mail address" : "E-mail address (optional)"}
      name="email"
      type="email"
      autoComplete="email"
      hint={isRequired ? domains : "With it you can set a forgotten password anew."}
      value={value}
      onInput={onInput}
      error={sayProblem(error, "email")}
      isRequired={isRequired}
    />
  );
}
