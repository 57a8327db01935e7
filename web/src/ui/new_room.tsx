// Creates a room.
import { useRef, useState } from "preact/hooks";
import { client } from "../store/client";
import { newId } from "../store/lobby";
import { useAction } from "./action_state";
import { Dialog } from "./dialog";
import { Field } from "./field";
import { FormError } from "./form_error";
import { Icon } from "./icon";
import { closeOverlay } from "./overlay";

export function NewRoom() {
  const [name, setName] = useState("");
  const [topic, setTopic] = useState("");
  const [kind, setKind] = useState<"public" | "private">("public");
  // The same id on every try: a lost answer makes no second room.
  const id = useRef(newId());
  const { isBusy, error, run } = useAction(async () => {
    const room = { kind, name: name.trim(), topic: topic.trim(), member_ids: [] };
    client.navigation.open(await client.lobby.create(room, id.current));
    closeOverlay();
  });
  return (
    <Dialog title="Create a room" onClose={closeOverlay}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
      >
        <Field label="Name" value={name} onInput={setName} error={error?.problemOf("name")} maxLength={80} isRequired hasFocus />
        <Field label="Topic (optional)" value={topic} onInput={setTopic} error={error?.problemOf("topic")} maxLength={500} />
        <fieldset class="choices">
          <legend>Who can find it</legend>
          <Choice icon="hash" name="Public" hint="Anybody here can find and join it." isChosen={kind === "public"} onChoose={() => setKind("public")} />
          <Choice icon="lock" name="Private" hint="Only people who are added see that it exists." isChosen={kind === "private"} onChoose={() => setKind("private")} />
        </fieldset>
        <FormError error={error} fields={["name", "topic"]} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={closeOverlay}>Cancel</button>
          <button type="submit" class="button button-primary" aria-disabled={isBusy}>Create room</button>
        </div>
      </form>
    </Dialog>
  );
}

interface ChoiceProps {
  icon: string;
  name: string;
  hint: string;
  isChosen: boolean;
  onChoose: () => void;
}

function Choice({ icon, name, hint, isChosen, onChoose }: ChoiceProps) {
  return (
    <label class="choice">
      <input type="radio" name="kind" checked={isChosen} onChange={onChoose} />
      <Icon name={icon} />
      <span>
        <span class="choice-name">{name}</span>
        <span class="choice-hint">{hint}</span>
      </span>
    </label>
  );
}
