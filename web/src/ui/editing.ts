// Which message the composer edits, if any.
import { signal } from "@preact/signals";
import type { Message } from "../store/failure";

export const editing = signal<Message | null>(null);

export function startEditing(message: Message): void {
  editing.value = message;
}

export function stopEditing(): void {
  editing.value = null;
}
