// One row of the timeline: separators above it, author and time, text, how far it has got, and its actions.
import { memo } from "preact/compat";
import { client } from "../store/client";
import type { MessageRow } from "../store/rows";
import { asSentence } from "./action_state";
import { Avatar } from "./avatar";
import { PendingActions, StoredActions } from "./message_actions";
import { MessageText } from "./message_text";
import { Icon } from "./icon";
import { today } from "./today";
import { formatClock, formatDay, formatFull, formatShortClock } from "./time_format";

interface RowProps {
  row: MessageRow;
  roomId: string;
  isTabStop: boolean;
}

export const MessageRowView = memo(function MessageRowView({ row, roomId, isTabStop }: RowProps) {
  const name = client.people.nameOf(row.senderId);
  const { message, pending } = row;
  const isEdited = message !== null && message.edited_at !== null && message.deleted_at === null;
  const isDimmed = pending !== null && pending.state !== "failed";
  const textId = `text-${row.key}`;
  return (
    <div class="timeline-row">
      {row.startsDay && <DaySeparator at={row.at} />}
      {row.isFirstNew && <p class="new-line"><span>New</span></p>}
      <article
        class={`message ${row.isHead ? "is-head" : ""} ${isDimmed ? "is-pending" : ""} ${isEdited ? "is-edited" : ""}`}
        data-key={row.key}
        tabIndex={isTabStop ? 0 : -1}
        aria-label={`${name}, ${formatClock(row.at)}`}
        aria-describedby={textId}
      >
        <div class="message-gutter">
          {row.isHead ? <Avatar userId={row.senderId} /> : <Time at={row.at} format={formatShortClock} />}
        </div>
        <div class="message-body">
          {row.isHead && (
            <header class="message-header">
              <span class="message-author" dir="auto">{name}</span>
              <Time at={row.at} format={formatClock} />
            </header>
          )}
          {message?.deleted_at ? (
            <p id={textId} class="message-deleted">This message was deleted.</p>
          ) : (
            <MessageText id={textId} text={message?.text ?? pending!.text} />
          )}
          {isEdited && <span class="message-edited" title={formatFull(message.edited_at!)}>(edited)</span>}
          {pending && <PendingNote row={row} />}
        </div>
        {message && !message.deleted_at && <StoredActions message={message} roomId={roomId} />}
      </article>
    </div>
  );
});

function DaySeparator({ at }: { at: string }) {
  return <h3 class="day-separator"><span>{formatDay(at, new Date(today.value))}</span></h3>;
}

function Time({ at, format }: { at: string; format: (at: string) => string }) {
  return <time class="message-time" dateTime={at} title={formatFull(at)}>{format(at)}</time>;
}

function PendingNote({ row }: { row: MessageRow }) {
  const pending = row.pending!;
  switch (pending.state) {
    case "sent":
      return null;
    case "waiting":
      return <PendingActions pending={pending}><Icon name="clock" size={14} /> Waiting to be sent</PendingActions>;
    case "unconfirmed":
      return <p class="message-note"><Icon name="clock" size={14} /> Not confirmed yet</p>;
    case "failed":
      return <PendingActions pending={pending}><Icon name="alert" size={14} /> Not sent. {asSentence(pending.refusal ?? "")}</PendingActions>;
  }
}
