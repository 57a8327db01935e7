// Accounts at other providers by which we sign in here.
import { client } from "../../store/client";
import type { Identity, Provider } from "../../store/failure";
import { own } from "../../store/own/own";
import { useAction } from "../action_state";
import { FormError } from "../form_error";
import { Icon } from "../icon";
import { AskFirst } from "./ask_first";
import { Moment } from "./moment";
import { Loaded, Panel } from "./panel";

const HOME = "identities";

export function IdentitiesPanel({ providers }: { providers: readonly Provider[] }) {
  return (
    <Panel id={HOME} title="Accounts elsewhere" hint="Sign in here by an account that you have at another place.">
      <Loaded of={own.identities.identities}>
        {(identities) => (
          <>
            {identities.length > 0 && (
              <ul class="own-list" aria-labelledby={HOME}>
                {identities.map((each) => <li key={each.id}><IdentityLine identity={each} /></li>)}
              </ul>
            )}
            {providers
              .filter(({ id }) => !identities.some(({ provider_id }) => provider_id === id))
              .map((provider) => <Add key={provider.id} provider={provider} />)}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Add({ provider }: { provider: Provider }) {
  const { isBusy, error, run } = useAction(() => client.oidc.beginAdding(provider));
  return (
    <>
      <div class="panel-actions">
        <button type="button" class="button" aria-disabled={isBusy} onClick={run}>Connect {provider.name}</button>
      </div>
      <FormError error={error} />
    </>
  );
}

function IdentityLine({ identity }: { identity: Identity }) {
  const { provider_name: name, email } = identity;
  return (
    <div class="own-line">
      <Icon name="user" />
      <div class="own-line-text">
        <p class="own-line-name"><bdi>{name}</bdi></p>
        <p class="panel-hint">
          {email && <><bdi>{email}</bdi>. </>}
          Connected <Moment at={identity.linked_at} />.{" "}
          {identity.last_used_at ? <>Last used <Moment at={identity.last_used_at} />.</> : "Not used yet."}
        </p>
      </div>
      <AskFirst
        name={`Disconnect ${name}`}
        title={`Disconnect ${name}?`}
        text={`You can no longer sign in here by ${name}, and are signed out on all other devices.`}
        action="Disconnect"
        perform={() => own.identities.remove(identity.id)}
        done={`${name} is disconnected.`}
        home={HOME}
      >
        Disconnect
      </AskFirst>
    </div>
  );
}
