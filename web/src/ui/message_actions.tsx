// What can be done with a message: shown on hover and focus, all reachable by keyboard.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { client } from "../store/client";
import type { Message } from "../store/failure";
import { fromTokens } from "../store/mentions";
import type { Pending } from "../store/pending";
import { startEditing } from "./editing";
import { Icon } from "./icon";
import { keepFocusNear, nearMessage } from "./kept_focus";
import { overlay } from "./overlay";

const MARKED_MS = 2_000;

export function StoredActions({ message, roomId }: { message: Message; roomId: string }) {
  const state = client.rooms.find(roomId);
  const isOwn = message.sender_id === client.account.userId.value;
  const mayDelete = isOwn || state?.membership.role === "owner" || state?.membership.role === "moderator";
  if (!canCopy() && !mayDelete) return null;
  return (
    <div class="message-actions" role="toolbar" aria-label="Message actions">
      {canCopy() && <CopyAction text={message.text} />}
      {isOwn && <ActionButton icon="edit" name="Edit" onClick={() => startEditing(message)} />}
      {mayDelete && (
        <ActionButton
          icon="trash"
          name="Delete"
          onClick={() => (overlay.value = { kind: "delete_message", roomId, messageId: message.id })}
        />
      )}
    </div>
  );
}

/** Over plain http browsers offer no clipboard. */
const canCopy = (): boolean => navigator.clipboard !== undefined;

/** Says what came of it: to eyes by its mark, to screen readers in words. */
function CopyAction({ text }: { text: string }) {
  const [mark, setMark] = useState("copy");
  const end = (icon: string, words: string): void => {
    setMark(icon);
    client.announcer.say(words);
  };
  const copy = (): void => {
    const readable = fromTokens(text, (userId) => client.people.nameOf(userId));
    navigator.clipboard.writeText(readable).then(
      () => end("check", "Copied."),
      () => end("alert", "Copying was refused."),
    );
  };
  useEffect(() => {
    if (mark === "copy") return;
    const timer = setTimeout(() => setMark("copy"), MARKED_MS);
    return () => clearTimeout(timer);
  }, [mark]);
  return <ActionButton icon={mark} name="Copy text" onClick={copy} />;
}

function ActionButton({ icon, name, onClick }: { icon: string; name: string; onClick: () => void }) {
  return (
    <button type="button" class="icon-button" aria-label={name} title={name} tabIndex={-1} onClick={onClick}>
      <Icon name={icon} size={16} />
    </button>
  );
}

/** For what is not on the server: send again, or give up. */
export function PendingActions({ pending, children }: { pending: Pending; children: ComponentChildren }) {
  const isFailed = pending.state === "failed";
  const act = (event: MouseEvent, change: () => void): void => {
    change();
    // The button goes by that: whoever pressed it by a key is left beside it.
    if (event.detail === 0) keepFocusNear(...nearMessage(pending.id));
  };
  return (
    <p class={isFailed ? "message-note message-failure" : "message-note"} role={isFailed ? "alert" : undefined}>
      {children}
      {isFailed && (
        <button type="button" class="link-button" onClick={(event) => act(event, () => client.outbox.retry(pending.id))}>Retry</button>
      )}
      <button type="button" class="link-button" onClick={(event) => act(event, () => client.outbox.discard(pending.id))}>Delete</button>
    </p>
  );
}
