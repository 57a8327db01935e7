// How this browser looks and speaks. Kept here, not in the account.
import type { Signal } from "@preact/signals";
import { useId } from "preact/hooks";
import { client } from "../../store/client";
import { announcements, contrast, density, theme } from "../../store/settings";
import { Panel } from "./panel";

export function AppearancePage() {
  return (
    <Panel id="look" title="On this device">
      <div class="form">
        <Choose label="Colours" held={theme} names={{ system: "As the system", light: "Light", dark: "Dark" }} />
        <Choose label="Contrast" held={contrast} names={{ system: "As the system", more: "High" }} />
        <Choose label="Spacing" held={density} names={{ comfortable: "Comfortable", compact: "Compact" }} />
        <Choose label="Read aloud by screen readers" held={announcements}
          names={{ all: "All messages here, and mentions", mentions: "Mentions and direct messages", none: "Nothing" }} />
      </div>
      <ConnectionNote />
    </Panel>
  );
}

/** Nobody needs to know how the frames travel, but whoever wonders why nobody types finds it here. */
function ConnectionNote() {
  if (client.connection.door.value === "socket") return null;
  return (
    <p class="panel-hint">
      This network blocks WebSocket, so ChatCraft connects in another way: others do not see you type, and who is online
      may be a minute old.
    </p>
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
