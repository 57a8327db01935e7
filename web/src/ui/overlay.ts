// Which dialog is open. Any component opens one; the shell shows it.
import { signal } from "@preact/signals";

export type Overlay =
  | { kind: "new_room" }
  | { kind: "browse" }
  | { kind: "new_dm" }
  | { kind: "add_people"; roomId: string }
  | { kind: "leave"; roomId: string }
  | { kind: "delete_message"; roomId: string; messageId: string }
  | { kind: "sign_out" };

export const overlay = signal<Overlay | null>(null);

export function closeOverlay(): void {
  overlay.value = null;
}
