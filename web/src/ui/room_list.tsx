// The left column: who we are, the filter, and the rooms by recent activity.
import { signal, useComputed } from "@preact/signals";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { client } from "../store/client";
import { byActivity, inFrozenOrder, isDm, matches, partnersOf, titleOf } from "../store/room_list";
import type { RoomState } from "../store/room_state";
import { Avatar, presenceName } from "./avatar";
import { Icon } from "./icon";
import { overlay } from "./overlay";
import { RoomLink } from "./room_link";

const filter = signal("");
const nameOf = (userId: string): string => client.people.nameOf(userId);

export function focusFilter(): void {
  // A wide screen shows the list beside the room, which stays as it is; a narrow one only after this change.
  if (!findFilter()?.checkVisibility()) client.navigation.close();
  requestAnimationFrame(() => findFilter()?.select());
}

const findFilter = (): HTMLInputElement | null => document.querySelector<HTMLInputElement>("#room-filter");
const focusComposer = (): void => document.querySelector<HTMLElement>("#composer-text")?.focus();

export function RoomList() {
  const [isHovered, setHovered] = useState(false);
  const [, lookAgain] = useReducer((count: number) => count + 1, 0);
  const list = useRef<HTMLDivElement>(null);
  const sorted = useSorted(() => isHovered || list.current?.contains(document.activeElement) === true);
  const query = filter.value;
  const shown = query.trim() === "" ? sorted : sorted.filter((state) => matches(titleOf(state, nameOf), query));
  const rooms = shown.filter((state) => !isDm(state));
  const dms = shown.filter(isDm);
  usePresenceOf(dms);
  const jump = (): void => {
    const first = rooms[0] ?? dms[0];
    if (!first) return;
    if (client.navigation.roomId.peek() === first.room.id) focusComposer();
    else client.navigation.open(first.room.id);
  };
  return (
    <nav
      class="pane pane-list"
      tabIndex={-1}
      aria-label="Rooms"
      onPointerEnter={() => setHovered(true)}
      onPointerLeave={() => setHovered(false)}
      onKeyDown={moveBetweenRooms}
    >
      <OwnCard />
      <FilterBox onEnter={jump} />
      <div ref={list} class="room-sections" onFocusOut={lookAgain}>
        <Section title="Rooms" states={rooms} hint={query ? "No room of that name." : "Browse rooms, or create one."}>
          <button type="button" class="icon-button" aria-label="Browse rooms" title="Browse rooms"
            onClick={() => (overlay.value = { kind: "browse" })}>
            <Icon name="compass" size={18} />
          </button>
          <button type="button" class="icon-button" aria-label="Create a room" title="Create a room"
            onClick={() => (overlay.value = { kind: "new_room" })}>
            <Icon name="plus" size={18} />
          </button>
        </Section>
        <Section title="Direct messages" states={dms} hint={query ? "Nobody of that name." : "Write to somebody with +."}>
          <button type="button" class="icon-button" aria-label="New direct message" title="New direct message"
            onClick={() => (overlay.value = { kind: "new_dm" })}>
            <Icon name="plus" size={18} />
          </button>
        </Section>
      </div>
    </nav>
  );
}

/** Recent activity first; nothing moves away under the pointer, or under the arrow keys. */
function useSorted(isInUse: () => boolean): RoomState[] {
  const sorted = useComputed(() => [...client.rooms.all.value].sort(byActivity)).value;
  const frozen = useRef<string[]>([]);
  if (isInUse()) return inFrozenOrder(sorted, frozen.current);
  frozen.current = sorted.map((state) => state.room.id);
  return sorted;
}

function usePresenceOf(dms: readonly RoomState[]): void {
  const ids = [...new Set(dms.flatMap(partnersOf))];
  const meId = client.account.userId.value;
  useEffect(() => {
    client.presence.show("dms", meId === null ? ids : [meId, ...ids]);
  }, [ids.join(), meId]);
}

function OwnCard() {
  const me = client.account.me.value;
  if (!me) return <div class="own-card" aria-busy="true" />;
  return (
    <button
      type="button"
      class="own-card"
      title="Profile and settings"
      onClick={() => client.navigation.openSettings()}
    >
      <Avatar userId={me.id} hasPresence />
      <span class="own-names">
        <span class="own-name"><bdi>{me.display_name}</bdi></span>
        <span class="own-username">@{me.username}</span>
      </span>
      <span class="visually-hidden">{presenceName(me.id)}. Profile and settings</span>
      <Icon name="settings" size={18} />
    </button>
  );
}

function FilterBox({ onEnter }: { onEnter: () => void }) {
  const hint = /Mac|iP/.test(navigator.platform) ? "⌘K" : "Ctrl K";
  return (
    <div class="filter-box" role="search">
      <Icon name="search" size={16} />
      <input
        id="room-filter"
        type="search"
        placeholder="Jump to…"
        aria-label={`Find a room or person (${hint})`}
        autocomplete="off"
        value={filter.value}
        onInput={(event) => (filter.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") onEnter();
          if (event.key === "Escape" && filter.value === "") focusComposer();
          if (event.key === "Enter" || event.key === "Escape") filter.value = "";
        }}
      />
      <kbd aria-hidden="true">{hint}</kbd>
    </div>
  );
}

interface SectionProps {
  title: string;
  states: readonly RoomState[];
  hint: string;
  children: preact.ComponentChildren;
}

function Section({ title, states, hint, children }: SectionProps) {
  const isEmpty = states.length === 0 && client.connection.hasSynced.value;
  return (
    <section class="room-section" aria-label={title}>
      <header class="section-header">
        <h2>{title}</h2>
        {children}
      </header>
      {isEmpty ? (
        <p class="section-hint">{hint}</p>
      ) : (
        <ul>
          {states.map((state) => (
            <li key={state.room.id}>
              <RoomLink state={state} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function moveBetweenRooms(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>(".room-link")];
  const index = links.indexOf(document.activeElement as HTMLElement);
  const next = index < 0 ? links[0] : index + step < 0 ? findFilter() : links[index + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
