// The form for a new account of somebody whom a provider knows: no password, the rest as for everybody.
import { useState } from "preact/hooks";
import { client } from "../../store/client";
import type { Policy } from "../../store/failure";
import type { Newcomer } from "../../store/oidc";
import { useAction } from "../action_state";
import { Form } from "../form";
import { NameFields } from "./name_fields";
import { InvitationField, saysElsewhere, useInvitation } from "./register_form";
import { TermsAndAge, useTerms } from "./terms_and_age";

const FIELDS = ["username", "display_name", "accepts_terms", "is_old_enough"];

export function RegisterNewcomer({ policy, newcomer }: { policy: Policy; newcomer: Newcomer }) {
  const { provider, suggested } = newcomer;
  const [username, setUsername] = useState(suggested.username);
  const [displayName, setDisplayName] = useState(suggested.display_name);
  const invitation = useInvitation(policy);
  const terms = useTerms(policy);
  const action = useAction(() =>
    client.oidc.register({
      username: username.trim(),
      display_name: displayName.trim() || null,
      invitation: invitation.value,
      ...terms.request,
    }),
  );
  const { error } = action;
  const isOver = error?.code === "unauthenticated";
  return (
    <Form
      action={action}
      label="Create account"
      busyLabel="Creating your account…"
      fields={FIELDS}
      error={isOver ? `That took too long. Please go back and sign in at ${provider} anew.` : saysElsewhere(error) ? null : undefined}
    >
      <p class="welcome-text">
        {provider} knows you{suggested.email && <> as <strong dir="auto">{suggested.email}</strong></>}. Choose how you are
        called here; you will sign in with {provider}.
      </p>
      {invitation.isAsked && <InvitationField held={invitation} error={error} />}
      <NameFields {...{ username, setUsername, displayName, setDisplayName, error }} hasFocus={!invitation.isAsked} />
      <TermsAndAge policy={policy} terms={terms} error={error} />
    </Form>
  );
}
