// What a new API token may do, where, and for how long.
import { useId, useState } from "preact/hooks";
import { client } from "../../store/client";
import type { Holder } from "../../store/own/bots";
import { own } from "../../store/own/own";
import { titleOf } from "../../store/room_list";
import { useAction } from "../action_state";
import { Dialog } from "../dialog";
import { Field } from "../field";
import { FormError } from "../form_error";
import { sayProblem } from "../problem_text";
import { MADE_TOKEN } from "./made_token";
import { focusPanel } from "./panel";

const LIVES = { "30": "30 days", "90": "90 days", "365": "A year", "": "Until it is revoked" } as const;

export function NewToken({ holder, onClose }: { holder: Holder; onClose: () => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly string[]>(["read", "write"]);
  const [isLimited, setLimited] = useState(false);
  const [roomIds, setRoomIds] = useState<readonly string[]>([]);
  const [days, setDays] = useState("90");
  const { isBusy, error, run } = useAction(async () => {
    const rooms = isLimited ? roomIds.map((roomId) => `rooms:${roomId}`) : [];
    const wish = { name: name.trim(), scopes: [...scopes, ...rooms], expires_in_days: days ? Number(days) : null };
    await own.bots.createToken(holder, wish);
    onClose();
    // Not before: behind an open dialog nothing takes the focus.
    focusPanel(MADE_TOKEN);
  });
  const canMake = scopes.length > 0 && (!isLimited || roomIds.length > 0);
  return (
    <Dialog title="New API token" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (canMake) run();
        }}
      >
        <Field label="What it is for" value={name} onInput={setName} error={sayProblem(error, "name")} maxLength={64} isRequired hasFocus />
        <fieldset class="choices">
          <legend>What it may do</legend>
          <Check name="Read" hint="Messages, people and rooms." value="read" chosen={scopes} onChange={setScopes} />
          <Check name="Write" hint="Send, edit, react, join and leave." value="write" chosen={scopes} onChange={setScopes} />
        </fieldset>
        <fieldset class="choices">
          <legend>Where</legend>
          <label class="choice">
            <input type="checkbox" checked={isLimited} onChange={() => setLimited(!isLimited)} />
            <span class="choice-name">Only in some rooms</span>
          </label>
          {isLimited && <RoomChoice chosen={roomIds} onChange={setRoomIds} />}
        </fieldset>
        <LifeChoice days={days} onChange={setDays} />
        {!canMake && <p class="panel-hint">{scopes.length > 0 ? "Choose a room." : "Choose what it may do."}</p>}
        <FormError error={error} fields={["name"]} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="button button-primary" aria-disabled={!canMake || isBusy}>Create token</button>
        </div>
      </form>
    </Dialog>
  );
}

interface CheckProps {
  name: string;
  hint?: string;
  value: string;
  chosen: readonly string[];
  onChange: (chosen: readonly string[]) => void;
}

function Check({ name, hint, value, chosen, onChange }: CheckProps) {
  const isChosen = chosen.includes(value);
  const toggle = (): void => onChange(isChosen ? chosen.filter((other) => other !== value) : [...chosen, value]);
  return (
    <label class="choice">
      <input type="checkbox" checked={isChosen} onChange={toggle} />
      <span>
        <span class="choice-name"><bdi>{name}</bdi></span>
        {hint && <span class="choice-hint">{hint}</span>}
      </span>
    </label>
  );
}

function RoomChoice({ chosen, onChange }: Pick<CheckProps, "chosen" | "onChange">) {
  const rooms = client.rooms.all.value.map((state) => ({
    id: state.room.id,
    name: titleOf(state, (id) => client.people.nameOf(id)),
  }));
  return (
    <div class="room-choice">
      {rooms.map(({ id, name }) => <Check key={id} name={name} value={id} chosen={chosen} onChange={onChange} />)}
      {rooms.length === 0 && <p class="panel-hint">You are in no room.</p>}
    </div>
  );
}

function LifeChoice({ days, onChange }: { days: string; onChange: (days: string) => void }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>How long it lasts</label>
      <select id={id} value={days} onChange={(event) => onChange(event.currentTarget.value)}>
        {Object.entries(LIVES).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
      </select>
    </div>
  );
}
