// Passkeys: what one is, those that are there, and one more.
import { useState } from "preact/hooks";
import type { Passkey } from "../../store/failure";
import { nameDevice } from "../../store/own/device_name";
import { canPasskeys } from "../../store/own/factors";
import { own } from "../../store/own/own";
import { useAction } from "../action_state";
import { Field } from "../field";
import { FormError } from "../form_error";
import { Icon } from "../icon";
import { sayProblem } from "../problem_text";
import { AskFirst } from "./ask_first";
import { Moment } from "./moment";
import { say } from "./notice";
import { focusPanel, Panel } from "./panel";

const HOME = "passkeys";
const HINT = "Sign in by fingerprint, face, PIN or security key. A passkey cannot be guessed, nor given away to a false page.";

export function PasskeysPanel({ passkeys }: { passkeys: readonly Passkey[] }) {
  return (
    <Panel id={HOME} title="Passkeys" hint={HINT}>
      {passkeys.length > 0 && (
        <ul class="own-list" aria-labelledby={HOME}>
          {passkeys.map((passkey) => <li key={passkey.id}><PasskeyLine passkey={passkey} /></li>)}
        </ul>
      )}
      {canPasskeys() ? <AddPasskey /> : <p>This browser cannot make passkeys here.</p>}
    </Panel>
  );
}

function AddPasskey() {
  const [name, setName] = useState(() => nameDevice(navigator.userAgent));
  const { isBusy, error, run } = useAction(async () => {
    await own.factors.addPasskey(name.trim());
    say("The passkey is added. You were signed out on all other devices.");
    focusPanel(HOME);
  });
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) run();
      }}
    >
      <div class="field-row">
        <Field label="Name of a new passkey" value={name} onInput={setName} error={sayProblem(error, "name")} maxLength={64} isRequired />
        <button type="submit" class="button" aria-disabled={isBusy}>Add passkey</button>
      </div>
      <FormError error={error} fields={["name"]} />
    </form>
  );
}

function PasskeyLine({ passkey }: { passkey: Passkey }) {
  const [isRenaming, setRenaming] = useState(false);
  if (isRenaming) return <Rename passkey={passkey} onDone={() => setRenaming(false)} />;
  return (
    <div class="own-line">
      <Icon name="key" />
      <div class="own-line-text">
        <p class="own-line-name">
          <bdi>{passkey.name}</bdi> {passkey.backed_up && <span class="tag" title="Its maker keeps a copy">synced</span>}
        </p>
        <p class="panel-hint">
          Added <Moment at={passkey.created_at} />.{" "}
          {passkey.last_used_at ? <>Last used <Moment at={passkey.last_used_at} />.</> : "Not used yet."}
        </p>
      </div>
      <button type="button" class="button" aria-label={`Rename ${passkey.name}`} onClick={() => setRenaming(true)}>Rename</button>
      <AskFirst
        name={`Remove ${passkey.name}`}
        title="Remove this passkey?"
        text={`You can no longer sign in with “${passkey.name}”, and are signed out on all other devices.`}
        action="Remove passkey"
        perform={() => own.factors.removePasskey(passkey.id)}
        done={`“${passkey.name}” is removed.`}
        home={HOME}
      >
        Remove
      </AskFirst>
    </div>
  );
}

function Rename({ passkey, onDone }: { passkey: Passkey; onDone: () => void }) {
  const [name, setName] = useState(passkey.name);
  const leave = (): void => {
    onDone();
    focusPanel(HOME);
  };
  const { isBusy, error, run } = useAction(async () => {
    await own.factors.renamePasskey(passkey.id, name.trim());
    say("The passkey has its new name.");
    leave();
  });
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) run();
      }}
    >
      <div class="field-row">
        <Field label="New name" value={name} onInput={setName} error={sayProblem(error, "name")} maxLength={64} isRequired hasFocus />
        <div class="panel-actions">
          <button type="submit" class="button button-primary" aria-disabled={isBusy}>Save</button>
          <button type="button" class="button" onClick={leave}>Cancel</button>
        </div>
      </div>
      <FormError error={error} fields={["name"]} />
    </form>
  );
}
