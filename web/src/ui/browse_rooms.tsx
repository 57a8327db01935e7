// Finds public rooms, and joins them.
import { client } from "../store/client";
import type { Room } from "../store/failure";
import { useAction } from "./action_state";
import { Dialog } from "./dialog";
import { Field } from "./field";
import { FormError } from "./form_error";
import { Icon } from "./icon";
import { closeOverlay, overlay } from "./overlay";
import { useSearch } from "./search_state";

export function BrowseRooms() {
  const { query, setQuery, results, error } = useSearch((text) => client.lobby.browse(text));
  return (
    <Dialog title="Browse rooms" onClose={closeOverlay}>
      <Field label="Find a room by its name" value={query} onInput={setQuery} maxLength={100} hasFocus />
      <FormError error={error} />
      <ul class="result-list" aria-label="Public rooms" aria-busy={results === null}>
        {results?.map((room) => <li key={room.id}><RoomLine room={room} /></li>)}
      </ul>
      {results?.length === 0 && (
        <div class="result-empty">
          <p>{query ? "No public room of that name." : "There are no public rooms yet."}</p>
          <button type="button" class="button" onClick={() => (overlay.value = { kind: "new_room" })}>Create a room</button>
        </div>
      )}
    </Dialog>
  );
}

function RoomLine({ room }: { room: Room }) {
  const isMember = client.rooms.find(room.id) !== undefined;
  const { isBusy, error, run } = useAction(async () => {
    client.navigation.open(isMember ? room.id : await client.lobby.join(room.id));
    closeOverlay();
  });
  const count = `${room.member_count} ${room.member_count === 1 ? "member" : "members"}`;
  return (
    <>
      <div class="result">
        <span class="room-mark"><Icon name="hash" size={18} /></span>
        <span class="person-names">
          <span class="person-name"><bdi>{room.name}</bdi></span>
          <span class="person-status"><bdi>{room.topic ? `${count} · ${room.topic}` : count}</bdi></span>
        </span>
        <button
          type="button"
          class={isMember ? "button" : "button button-primary"}
          aria-label={`${isMember ? "Open" : "Join"} ${room.name}`}
          aria-disabled={isBusy}
          onClick={run}
        >
          {isMember ? "Open" : "Join"}
        </button>
      </div>
      <FormError error={error} />
    </>
  );
}
