// What somebody who has just signed in is asked or told, one thing after the other.
import type { ProviderLink } from "../../store/arrival";
import { client } from "../../store/client";
import type { DueConsent } from "../../store/failure";
import { useAction } from "../action_state";
import { Dialog } from "../dialog";
import { FormError } from "../form_error";
import { TermsLink } from "./terms_and_age";

export function ArrivalDialogs() {
  const { due, codesLeft, link } = client.arrival;
  if (due.value.length > 0) return <DueConsents due={due.value} />;
  if (codesLeft.value !== null) return <CodesLeft count={codesLeft.value} />;
  if (link.value !== null) return <Connect link={link.value} />;
  return null;
}

function DueConsents({ due }: { due: readonly DueConsent[] }) {
  const accept = useAction(() => client.arrival.acceptAll());
  const leave = useAction(() => client.account.signOut());
  // Closing it puts the question off until the next visit: nothing is accepted by that.
  return (
    <Dialog title="Before you go on" onClose={() => client.arrival.putOff()}>
      {due.map((each) => <p key={each.kind}><Wording due={each} /></p>)}
      <FormError error={accept.error} />
      <div class="dialog-actions">
        <button type="button" class="button" aria-disabled={leave.isBusy} onClick={leave.run}>Sign out</button>
        <button type="button" class="button button-primary" aria-disabled={accept.isBusy} onClick={accept.run}>
          {due.some(({ kind }) => kind === "terms") ? "I accept" : "I confirm"}
        </button>
      </div>
    </Dialog>
  );
}

function Wording({ due }: { due: DueConsent }) {
  if (due.kind === "age") return <>Please confirm that you are at least {due.version} years old.</>;
  return <>This server has new <TermsLink url={due.url} />. Please read and accept them.</>;
}

function CodesLeft({ count }: { count: number }) {
  const close = (): void => void (client.arrival.codesLeft.value = null);
  const left = count === 0 ? "This was your last recovery code" : `${count} recovery ${count === 1 ? "code is" : "codes are"} left`;
  return (
    <Dialog title="You signed in with a recovery code" onClose={close}>
      <p>{left}. Each works once. Make new ones before you run out of them.</p>
      <div class="dialog-actions">
        <button type="button" class="button button-primary" onClick={close}>Go on</button>
      </div>
    </Dialog>
  );
}

function Connect({ link }: { link: ProviderLink }) {
  const { isBusy, error, run } = useAction(() => client.arrival.connect(link));
  const close = (): void => void (client.arrival.link.value = null);
  return (
    <Dialog title={`Connect ${link.provider}?`} onClose={close}>
      <p>
        With <strong dir="auto">{link.email}</strong> at {link.provider} one can then sign in to this account. Do it only if
        that is you.
      </p>
      <FormError error={error} />
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>Not now</button>
        <button type="button" class="button button-primary" aria-disabled={isBusy} onClick={run}>Connect</button>
      </div>
    </Dialog>
  );
}
