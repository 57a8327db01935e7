// The beginning of a room's history: what this place is for.
import { client } from "../store/client";
import { partnersOf, titleOf } from "../store/room_list";
import type { RoomState } from "../store/room_state";
import { overlay } from "./overlay";
import { RoomMark } from "./room_link";

export function StartOfRoom({ state }: { state: RoomState }) {
  const { room } = state;
  const title = titleOf(state, (id) => client.people.nameOf(id));
  const isNotes = room.user_ids !== null && partnersOf(state).length === 0;
  return (
    <div class="start-of-room">
      <RoomMark state={state} />
      <h3 dir="auto">{title}</h3>
      <p dir="auto">{isNotes ? "A place for yourself: drafts, links, things to remember." : introduce(state, title)}</p>
      {room.kind === "private" && (
        <button type="button" class="button" onClick={() => (overlay.value = { kind: "add_people", roomId: room.id })}>
          Add people
        </button>
      )}
    </div>
  );
}

function introduce(state: RoomState, title: string): string {
  if (state.room.user_ids !== null) return `This is the beginning of your conversation with ${title}.`;
  const kind = state.room.kind === "private" ? "private room" : "room";
  return `This is the beginning of the ${kind}.${state.room.topic ? ` ${state.room.topic}` : " Say hello."}`;
}
