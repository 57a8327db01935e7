// Where the link of a mail leads that confirms an address. A press of a button makes it count: programs that look into
// mails follow links, too, and would confirm addresses for whoever claimed them.
import { useState } from "preact/hooks";
import { client } from "../../store/client";
import { useAction } from "../action_state";
import { FormError } from "../form_error";
import { Welcome } from "../welcome";
import { Done } from "./done";
import { isLinkSpent, LinkSpent } from "./link_spent";

export function VerifyEmail({ token }: { token: string | null }) {
  const [isDone, setDone] = useState(false);
  const action = useAction(async () => {
    await client.mailedLinks.verifyEmail(token!);
    setDone(true);
  });
  if (token === null || isLinkSpent(action.error)) {
    return (
      <Welcome key="spent" title="Confirm your address">
        <LinkSpent again="resend_verification" />
      </Welcome>
    );
  }
  if (isDone) return <Done title="Thank you" text="Your e-mail address is confirmed." />;
  return (
    <Welcome key="ask" title="Confirm your address">
      <p class="welcome-text">Confirm that the address to which the link was sent is yours.</p>
      <FormError
        error={action.error}
        text={action.error?.code === "conflict" ? "This address belongs to another account by now." : undefined}
      />
      <button type="button" class="button button-primary" aria-disabled={action.isBusy} onClick={action.run}>
        {action.isBusy ? "Confirming…" : "Confirm my address"}
      </button>
      <p class="field-hint">You did not ask for this? Then close this page.</p>
    </Welcome>
  );
}
