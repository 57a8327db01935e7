// The right column: who is in the room, who of them is here, and the ways in and out.
import { useEffect } from "preact/hooks";
import { client } from "../store/client";
import type { Member } from "../store/failure";
import { useAction } from "./action_state";
import { Avatar, presenceName } from "./avatar";
import { FormError } from "./form_error";
import { Icon } from "./icon";
import { overlay } from "./overlay";

// The server watches 500 people for a connection; DMs need some of them.
const WATCHED_MAX = 400;

export function MembersPanel({ roomId }: { roomId: string }) {
  const state = client.rooms.find(roomId);
  const { error, run } = useAction(() => client.history.loadMembers(roomId));
  useEffect(run, [roomId]);
  // A reset forgets the members.
  const isForgotten = state !== undefined && state.members === null;
  useEffect(() => {
    if (isForgotten) run();
  }, [isForgotten]);
  const members = [...(state?.members?.values() ?? [])];
  usePresenceOf(members);
  const isHere = (member: Member): boolean =>
    (client.presence.find(member.user_id)?.status ?? "offline") !== "offline";
  const isGroup = state?.room.user_ids === null;
  return (
    <section class="pane pane-panel" tabIndex={-1} aria-label="Members">
      <header class="room-header">
        <div class="room-names">
          <h2>Members</h2>
        </div>
        <button type="button" class="icon-button" aria-label="Close members" onClick={() => (client.navigation.isPanelOpen.value = false)}>
          <Icon name="close" />
        </button>
      </header>
      <div class="panel-body">
        {error && (
          <>
            <FormError error={error} />
            <button type="button" class="button" onClick={run}>Try again</button>
          </>
        )}
        <MemberGroup title="Online" members={members.filter(isHere)} />
        <MemberGroup title="Offline" members={members.filter((member) => !isHere(member))} />
      </div>
      {isGroup && (
        <footer class="panel-footer">
          <button type="button" class="button" onClick={() => (overlay.value = { kind: "add_people", roomId })}>
            <Icon name="add-user" size={18} /> Add people
          </button>
          <button type="button" class="button button-quiet" onClick={() => (overlay.value = { kind: "leave", roomId })}>
            <Icon name="leave" size={18} /> Leave room
          </button>
        </footer>
      )}
    </section>
  );
}

function usePresenceOf(members: readonly Member[]): void {
  const ids = members.slice(0, WATCHED_MAX).map((member) => member.user_id);
  useEffect(() => client.presence.show("members", ids), [ids.join()]);
  useEffect(() => () => client.presence.show("members", []), []);
}

function MemberGroup({ title, members }: { title: string; members: readonly Member[] }) {
  if (members.length === 0) return null;
  const named = members
    .map((member) => ({ member, name: client.people.nameOf(member.user_id) }))
    .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (
    <section aria-label={title}>
      <h3 class="group-title">{title} · {members.length}</h3>
      <ul>
        {named.map(({ member, name }) => (
          <li key={member.user_id}>
            <MemberLine member={member} name={name} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function MemberLine({ member, name }: { member: Member; name: string }) {
  const isMe = member.user_id === client.account.userId.value;
  const status = client.presence.find(member.user_id)?.text;
  const { error, run } = useAction(async () => client.navigation.open(await client.lobby.openDm([member.user_id])));
  return (
    <>
      <button
        type="button"
        class="person"
        title="Send a direct message"
        onClick={run}
      >
        <Avatar userId={member.user_id} hasPresence />
        <span class="person-names">
          <span class="person-name"><bdi>{isMe ? `${name} (you)` : name}</bdi></span>
          <span class="visually-hidden">{presenceName(member.user_id)}</span>
          {status && <span class="person-status"><bdi>{status}</bdi></span>}
        </span>
        {member.role !== "member" && <span class="tag">{member.role}</span>}
      </button>
      <FormError error={error} />
    </>
  );
}
