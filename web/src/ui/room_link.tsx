// One room in the list: name, unread, mentions, draft.
import { client } from "../store/client";
import { mentionsOf, unreadOf } from "../store/counts";
import { partnersOf, titleOf } from "../store/room_list";
import type { RoomState } from "../store/room_state";
import { Avatar, presenceName } from "./avatar";
import { Icon } from "./icon";

export function RoomLink({ state }: { state: RoomState }) {
  const { room, membership } = state;
  const title = titleOf(state, (id) => client.people.nameOf(id));
  const isOpen = client.navigation.roomId.value === room.id;
  const isMuted = membership.notify === "none";
  const hasDraft = !isOpen && client.drafts.get(room.id) !== "";
  const unread = unreadOf(state);
  const isUnread = unread > 0;
  // In a DM every message is for oneself.
  const pill = room.user_ids !== null ? unread : mentionsOf(state);
  const mentions = room.user_ids === null && pill > 0 && `${pill} ${pill === 1 ? "mention" : "mentions"}`;
  const spoken = [describe(state), isUnread && `${unread} unread`, mentions, hasDraft && "draft"].filter(Boolean);
  return (
    <a
      class={`room-link ${isUnread && !isMuted ? "is-unread" : ""} ${isMuted ? "is-muted" : ""}`}
      href={`/r/${room.id}`}
      aria-current={isOpen ? "page" : undefined}
      data-pane-focus={isOpen ? "" : undefined}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        client.navigation.open(room.id);
      }}
    >
      <RoomMark state={state} />
      <span class="room-title"><bdi>{title}</bdi></span>
      <span class="visually-hidden">{spoken.join(", ")}</span>
      {hasDraft && <Icon name="edit" size={14} />}
      {pill > 0 && !isMuted && <span class="pill" aria-hidden="true">{pill > 99 ? "99+" : pill}</span>}
    </a>
  );
}

function describe(state: RoomState): string {
  const partners = partnersOf(state);
  if (state.room.kind === "public") return "room";
  if (state.room.kind === "private") return "private room";
  return partners.length === 1 ? presenceName(partners[0]!) : "direct messages";
}

/** A hash, a lock, a face, or how many faces. */
export function RoomMark({ state }: { state: RoomState }) {
  const partners = partnersOf(state);
  if (state.room.kind === "public") return <span class="room-mark"><Icon name="hash" size={18} /></span>;
  if (state.room.kind === "private") return <span class="room-mark"><Icon name="lock" size={18} /></span>;
  if (partners.length === 0) return <span class="room-mark"><Icon name="note" size={18} /></span>;
  if (partners.length === 1) return <Avatar userId={partners[0]!} size="small" hasPresence />;
  return <span class="room-mark room-mark-count" aria-hidden="true">{partners.length}</span>;
}
