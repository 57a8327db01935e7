// Oneself: name, status, how this browser looks and speaks, and the way out.
import type { Signal } from "@preact/signals";
import { useId, useState } from "preact/hooks";
import { client } from "../store/client";
import { announcements, contrast, density, theme } from "../store/settings";
import { useAction } from "./action_state";
import { Avatar } from "./avatar";
import { Dialog } from "./dialog";
import { Field } from "./field";
import { FormError } from "./form_error";
import { Icon } from "./icon";
import { closeOverlay, overlay } from "./overlay";

export function Profile() {
  const me = client.account.me.value;
  if (!me) return null;
  return (
    <Dialog title="Profile and settings" onClose={closeOverlay}>
      <div class="profile-head">
        <Avatar userId={me.id} size="large" hasPresence />
        <div>
          <p class="profile-name" dir="auto">{me.display_name}</p>
          <p class="person-status">@{me.username}</p>
        </div>
      </div>
      <NameForm name={me.display_name} />
      <StatusForm userId={me.id} />
      <section class="form" aria-labelledby="look">
        <h3 id="look" class="group-title">On this device</h3>
        <Choose label="Colours" held={theme} names={{ system: "As the system", light: "Light", dark: "Dark" }} />
        <Choose label="Contrast" held={contrast} names={{ system: "As the system", more: "High" }} />
        <Choose label="Spacing" held={density} names={{ comfortable: "Comfortable", compact: "Compact" }} />
        <Choose label="Read aloud by screen readers" held={announcements}
          names={{ all: "All messages here, and mentions", mentions: "Mentions and direct messages", none: "Nothing" }} />
        <ConnectionNote />
      </section>
      <button type="button" class="button button-quiet" onClick={() => (overlay.value = { kind: "sign_out" })}>
        <Icon name="logout" size={18} /> Sign out
      </button>
    </Dialog>
  );
}

/** Nobody needs to know how the frames travel, but whoever wonders why nobody types finds it here. */
function ConnectionNote() {
  if (client.connection.door.value === "socket") return null;
  return (
    <p class="person-status">
      This network blocks WebSocket, so ChatCraft connects in another way: others do not see you type, and who is online
      may be a minute old.
    </p>
  );
}

function NameForm({ name }: { name: string }) {
  const [text, setText] = useState(name);
  const { isBusy, error, run } = useAction(() => client.account.update({ display_name: text.trim() }));
  const isChanged = text.trim() !== name && text.trim() !== "";
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged) run();
      }}
    >
      <div class="field-row">
        <Field label="Display name" value={text} onInput={setText} error={error?.problemOf("display_name")} maxLength={64} />
        <button type="submit" class="button" aria-disabled={!isChanged || isBusy}>Save</button>
      </div>
      <FormError error={error} fields={["display_name"]} />
    </form>
  );
}

const STATUSES = { online: "Online", away: "Away", dnd: "Do not disturb", invisible: "Invisible" } as const;
type Status = keyof typeof STATUSES;

function StatusForm({ userId }: { userId: string }) {
  const presence = client.presence.find(userId);
  const shown: Status = presence === null || presence.status === "offline" ? "online" : presence.status;
  const [status, setStatus] = useState<Status>(shown);
  const [text, setText] = useState(presence?.text ?? "");
  const { isBusy, error, run } = useAction(() => client.presence.setOwn(status, text.trim()));
  const id = useId();
  const isChanged = status !== shown || text.trim() !== (presence?.text ?? "");
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged) run();
      }}
    >
      <div class="field">
        <label for={id}>Status</label>
        <select id={id} value={status} onChange={(event) => setStatus(event.currentTarget.value as Status)}>
          {Object.entries(STATUSES).map(([value, name]) => <option key={value} value={value}>{name}</option>)}
        </select>
      </div>
      <div class="field-row">
        <Field label="Status text" value={text} onInput={setText} error={error?.problemOf("text")} maxLength={100} />
        <button type="submit" class="button" aria-disabled={!isChanged || isBusy}>Save</button>
      </div>
      <FormError error={error} fields={["text"]} />
    </form>
  );
}

interface ChooseProps<T extends string> {
  label: string;
  held: Signal<T>;
  names: Record<T, string>;
}

function Choose<T extends string>({ label, held, names }: ChooseProps<T>) {
  const id = useId();
  return (
    <div class="field field-inline">
      <label for={id}>{label}</label>
      <select id={id} value={held.value} onChange={(event) => (held.value = event.currentTarget.value as T)}>
        {(Object.entries(names) as [T, string][]).map(([value, name]) => <option key={value} value={value}>{name}</option>)}
      </select>
    </div>
  );
}
