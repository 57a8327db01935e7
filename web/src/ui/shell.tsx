// The program once signed in: rooms or settings, dialogs, the banner, and the keys that work everywhere.
import { useEffect, useRef } from "preact/hooks";
import { client } from "../store/client";
import { unreadOf } from "../store/counts";
import { titleOf } from "../store/room_list";
import { Banner } from "./banner";
import { focusFirst, isFocusLost } from "./kept_focus";
import { later } from "./later";
import { MembersPanel } from "./members_panel";
import { Overlays } from "./overlays";
import { focusFilter, RoomList } from "./room_list";
import { NoRoom, RoomView } from "./room_view";

const Settings = later(async () => (await import("./settings/settings")).Settings);

export function Shell() {
  const section = client.navigation.settings.value;
  useEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  useTitle();
  useWayBack(section !== null);
  return (
    <>
      {section === null ? (
        <Rooms />
      ) : (
        <main class="settings" data-view={section === "" ? "list" : "section"}>
          <h1 class="visually-hidden">ChatCraft</h1>
          <Banner />
          <Settings section={section} />
        </main>
      )}
      <Overlays />
      <Announcements />
    </>
  );
}

/** What is said twice is put there twice: another node, or it would be read once. */
function Announcements() {
  const { text, count } = client.announcer.said.value;
  return <div class="visually-hidden" role="status" aria-live="polite"><p key={count}>{text}</p></div>;
}

function Rooms() {
  const roomId = client.navigation.roomId.value;
  const isPanelOpen = client.navigation.isPanelOpen.value && roomId !== null;
  const view = roomId === null ? "list" : isPanelOpen ? "panel" : "room";
  useFocusOfView(view, roomId);
  return (
    <main class="shell" data-view={view}>
      <h1 class="visually-hidden">ChatCraft</h1>
      <Banner />
      <RoomList />
      <section class="pane pane-room" tabIndex={-1} aria-label="Conversation">
        {roomId === null ? <NoRoom /> : <RoomView key={roomId} roomId={roomId} />}
      </section>
      {isPanelOpen && <MembersPanel key={roomId} roomId={roomId} />}
    </main>
  );
}

type View = "list" | "room" | "panel";

/** Whose control went with its pane, as on a narrow screen, goes on in the pane that came instead. */
function useFocusOfView(view: View, roomId: string | null): void {
  const before = useRef({ view, roomId });
  useEffect(() => {
    const { view: viewBefore, roomId: roomIdBefore } = before.current;
    before.current = { view, roomId };
    if (view === viewBefore || !isFocusLost()) return;
    const way = viewBefore === "panel" ? [".pane-room .with-count"] : [];
    if (view === "list") focusFirst([`.room-link[href="/r/${roomIdBefore}"]`, ".pane-list"]);
    else focusFirst([...way, `.pane-${view}`]);
  }, [view, roomId]);
}

/** After the settings the focus is where they were opened, unless the open room has taken it. */
function useWayBack(areSettingsOpen: boolean): void {
  const wereOpen = useRef(areSettingsOpen);
  useEffect(() => {
    if (wereOpen.current && !areSettingsOpen && document.activeElement === document.body) {
      document.querySelector<HTMLElement>(".own-card")?.focus();
    }
    wereOpen.current = areSettingsOpen;
  }, [areSettingsOpen]);
}

function onKey(event: KeyboardEvent): void {
  // What is behind a dialog is out of reach, for keys too.
  if (document.querySelector("dialog:modal")) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    focusFilter();
  } else if (event.key === "F6") {
    event.preventDefault();
    cyclePanes(event.shiftKey ? -1 : 1);
  }
}

/** Move the focus to the next pane: its last focused control if it names one, else the pane itself. */
function cyclePanes(step: number): void {
  const panes = [...document.querySelectorAll<HTMLElement>(".pane")].filter((pane) => pane.offsetParent !== null);
  const current = panes.findIndex((pane) => pane.contains(document.activeElement));
  const next = panes[(current + step + panes.length) % panes.length];
  (next?.querySelector<HTMLElement>("[data-pane-focus]") ?? next)?.focus();
}

/** The tab says where we are, and whether something waits elsewhere. */
function useTitle(): void {
  const states = client.rooms.all.value;
  const unread = states.filter((state) => unreadOf(state) > 0 && state.membership.notify !== "none").length;
  const open = client.rooms.find(client.navigation.roomId.value);
  const place = client.navigation.settings.value !== null ? "Settings · ChatCraft" : "ChatCraft";
  const name = open ? `${titleOf(open, (id) => client.people.nameOf(id))} · ChatCraft` : place;
  const title = unread > 0 ? `(${unread}) ${name}` : name;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
