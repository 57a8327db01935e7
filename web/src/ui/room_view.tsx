// The middle column: header, timeline, typing line, composer of one room.
import { useEffect, useRef, useState } from "preact/hooks";
import { client } from "../store/client";
import { partnersOf, titleOf } from "../store/room_list";
import type { RoomState } from "../store/room_state";
import { presenceName } from "./avatar";
import { Composer } from "./composer";
import { Icon } from "./icon";
import { isFocusLost } from "./kept_focus";
import { overlay } from "./overlay";
import { RoomMark } from "./room_link";
import { Timeline } from "./timeline";
import { TypingLine } from "./typing_line";

const SKELETON_AFTER_MS = 200;

export function RoomView({ roomId }: { roomId: string }) {
  const state = client.rooms.find(roomId);
  if (!state) return <Missing roomId={roomId} />;
  return (
    <>
      <RoomHeader state={state} />
      <Timeline state={state} />
      <TypingLine roomId={roomId} />
      {state.room.archived_at ? (
        <p class="archived-note">This room is archived. It can be read, but not written to.</p>
      ) : (
        <Composer state={state} />
      )}
    </>
  );
}

function RoomHeader({ state }: { state: RoomState }) {
  const { room } = state;
  const title = titleOf(state, (id) => client.people.nameOf(id));
  const isPanelOpen = client.navigation.isPanelOpen;
  return (
    <header class="room-header">
      <BackButton />
      <RoomMark state={state} />
      <div class="room-names">
        <h2 dir="auto">{title}</h2>
        <Subtitle state={state} />
      </div>
      <button
        type="button"
        class="icon-button with-count"
        aria-label={`Members, ${room.member_count}`}
        title="Members"
        aria-expanded={isPanelOpen.value}
        onClick={() => (isPanelOpen.value = !isPanelOpen.value)}
      >
        <Icon name="users" />
        <span aria-hidden="true">{room.member_count}</span>
      </button>
    </header>
  );
}

function Subtitle({ state }: { state: RoomState }) {
  const partners = partnersOf(state);
  if (state.room.user_ids === null) return state.room.topic ? <p dir="auto">{state.room.topic}</p> : null;
  if (partners.length !== 1) return null;
  const text = client.presence.find(partners[0]!)?.text;
  return <p>{text ? `${presenceName(partners[0]!)} · ${text}` : presenceName(partners[0]!)}</p>;
}

function BackButton() {
  return (
    <button type="button" class="icon-button back-button" aria-label="Back to the rooms" onClick={() => client.navigation.close()}>
      <Icon name="back" />
    </button>
  );
}

/** Not there yet, or not ours. */
function Missing({ roomId }: { roomId: string }) {
  const hasSynced = client.connection.hasSynced.value;
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), hasSynced ? 3_000 : SKELETON_AFTER_MS);
    return () => clearTimeout(timer);
  }, [roomId, hasSynced]);
  if (!isLate) return null;
  if (!hasSynced) return <Skeleton />;
  return (
    <div class="empty-state">
      <Icon name="lock" size={32} />
      <h2>This room is not here</h2>
      <p>It does not exist, or you are not a member.</p>
      <button type="button" class="button" onClick={() => client.navigation.close()}>Back to the rooms</button>
    </div>
  );
}

function Skeleton() {
  return (
    <div class="skeleton" aria-busy="true" aria-label="Loading">
      {[60, 85, 40, 70, 55].map((width) => (
        <div class="skeleton-row" key={width}>
          <span class="skeleton-avatar" />
          <span class="skeleton-line" style={{ inlineSize: `${width}%` }} />
        </div>
      ))}
    </div>
  );
}

/** Where one arrives: who has just signed in finds the focus on its title. */
export function NoRoom() {
  const heading = useRef<HTMLHeadingElement>(null);
  const hasSynced = client.connection.hasSynced.value;
  useEffect(() => {
    if (hasSynced && isFocusLost()) heading.current!.focus();
  }, [hasSynced]);
  if (!hasSynced) return null;
  const hasRooms = client.rooms.ids.value.length > 0;
  return (
    <div class="empty-state">
      <Icon name="chat" size={32} />
      <h2 ref={heading} tabIndex={-1}>{hasRooms ? "Pick a conversation" : "Welcome to ChatCraft"}</h2>
      <p>{hasRooms ? "Choose a room on the left, or jump to one." : "Join a room, create one, or write to somebody."}</p>
      <div class="empty-actions">
        <button type="button" class="button button-primary" onClick={() => (overlay.value = { kind: "browse" })}>Browse rooms</button>
        <button type="button" class="button" onClick={() => (overlay.value = { kind: "new_room" })}>Create a room</button>
        <button type="button" class="button" onClick={() => (overlay.value = { kind: "new_dm" })}>Direct message</button>
      </div>
    </div>
  );
}
