// A copy of what is kept about us, what we have accepted, and the end of the account.
import type { DueConsent } from "../../store/failure";
import { own } from "../../store/own/own";
import { useAction } from "../action_state";
import { FormError } from "../form_error";
import { ErasurePanel } from "./erasure";
import { ExportsPanel } from "./exports";
import { Moment } from "./moment";
import { say } from "./notice";
import { focusPanel, Loaded, Panel } from "./panel";

const HOME = "consents";

export function PrivacyPage() {
  return (
    <>
      <ExportsPanel />
      <ConsentsPanel />
      <ErasurePanel />
    </>
  );
}

function ConsentsPanel() {
  return (
    <Panel id={HOME} title="What you have accepted">
      <Loaded of={own.privacy.consents}>
        {({ consents, due }) => (
          <>
            {due.map((each) => <Due key={each.kind} due={each} />)}
            {consents.length > 0 ? (
              <ul class="own-list" aria-labelledby={HOME}>
                {consents.map(({ kind, version, accepted_at }) => (
                  <li key={kind + version} class="own-line">
                    <div class="own-line-text">
                      <p class="own-line-name"><bdi>{nameConsent(kind, version)}</bdi></p>
                      <p class="panel-hint">Accepted <Moment at={accepted_at} />.</p>
                    </div>
                  </li>
                ))}
              </ul>
            ) : (
              due.length === 0 && <p class="panel-hint">This server asks for nothing to be accepted.</p>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function nameConsent(kind: DueConsent["kind"], version: string): string {
  return kind === "terms" ? `Terms of use, version ${version}` : `That you are at least ${version} years old`;
}

function Due({ due }: { due: DueConsent }) {
  const { isBusy, error, run } = useAction(async () => {
    await own.privacy.accept(due.kind, due.version);
    say("Accepted.");
    focusPanel(HOME);
  });
  const name = nameConsent(due.kind, due.version);
  return (
    <div class="panel-note">
      <p>
        Due: <bdi>{name}</bdi>.{" "}
        {due.url && <a href={due.url} target="_blank" rel="noopener noreferrer">Read them</a>}
      </p>
      <FormError error={error} />
      <button type="button" class="button" aria-label={`Accept: ${name}`} aria-disabled={isBusy} onClick={run}>Accept</button>
    </div>
  );
}
