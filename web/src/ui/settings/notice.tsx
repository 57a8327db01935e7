// One line that says what was just done, for eyes and for screen readers. Gone with the next section.
import { signal } from "@preact/signals";
import { Icon } from "../icon";

const notice = signal<string | null>(null);

export function say(text: string): void {
  notice.value = text;
}

export function clearNotice(): void {
  notice.value = null;
}

export function Notice() {
  return (
    <div role="status" class="settings-notice">
      {notice.value && <p><Icon name="check" size={18} /> {notice.value}</p>}
    </div>
  );
}
