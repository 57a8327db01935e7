// Choosing people: for a direct message, or to bring into a room.
import { useState } from "preact/hooks";
import { client } from "../store/client";
import type { User } from "../store/failure";
import { useAction } from "./action_state";
import { Avatar } from "./avatar";
import { Dialog } from "./dialog";
import { Field } from "./field";
import { FormError } from "./form_error";
import { Icon } from "./icon";
import { closeOverlay } from "./overlay";
import { useSearch } from "./search_state";

const DM_OTHERS_MAX = 19;

export function NewDm() {
  return (
    <PeopleDialog
      title="New direct message"
      action="Open conversation"
      excluded={new Set([client.account.userId.value ?? ""])}
      limit={DM_OTHERS_MAX}
      perform={async (userIds) => client.navigation.open(await client.lobby.openDm(userIds))}
    />
  );
}

export function AddPeople({ roomId }: { roomId: string }) {
  return (
    <PeopleDialog
      title="Add people"
      action="Add to the room"
      excluded={new Set(client.rooms.find(roomId)?.members?.keys() ?? [])}
      limit={100}
      perform={(userIds) => client.lobby.addMembers(roomId, userIds)}
    />
  );
}

interface PeopleDialogProps {
  title: string;
  action: string;
  excluded: ReadonlySet<string>;
  limit: number;
  perform: (userIds: string[]) => Promise<void>;
}

function PeopleDialog({ title, action, excluded, limit, perform }: PeopleDialogProps) {
  const [chosen, setChosen] = useState<User[]>([]);
  const { query, setQuery, results, error } = useSearch((text) => client.people.search(text));
  const submit = useAction(async () => {
    await perform(chosen.map((user) => user.id));
    closeOverlay();
  });
  const toggle = (user: User): void => {
    const isChosen = chosen.some(({ id }) => id === user.id);
    setChosen(isChosen ? chosen.filter(({ id }) => id !== user.id) : [...chosen, user].slice(0, limit));
  };
  const shown = results?.filter((user) => !excluded.has(user.id)) ?? null;
  return (
    <Dialog title={title} onClose={closeOverlay}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (chosen.length > 0) submit.run();
        }}
      >
        <Field label="Find people by name" value={query} onInput={setQuery} maxLength={100} hasFocus />
        {chosen.length > 0 && (
          <ul class="chosen-list" aria-label="Chosen">
            {chosen.map((user) => (
              <li key={user.id}>
                <button type="button" class="chosen" aria-label={`Remove ${user.display_name}`} onClick={() => toggle(user)}>
                  <span dir="auto">{user.display_name}</span> <Icon name="close" size={14} />
                </button>
              </li>
            ))}
          </ul>
        )}
        <FormError error={error} />
        <ul class="result-list" aria-label="People" aria-busy={results === null}>
          {shown?.map((user) => (
            <li key={user.id}>
              <PersonChoice user={user} isChosen={chosen.some(({ id }) => id === user.id)} onToggle={() => toggle(user)} />
            </li>
          ))}
        </ul>
        {shown?.length === 0 && <p class="result-empty">{results!.length > 0 ? "All of them are in the room." : query ? "Nobody of that name." : "Nobody else is here yet."}</p>}
        <FormError error={submit.error} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={closeOverlay}>Cancel</button>
          <button type="submit" class="button button-primary" aria-disabled={chosen.length === 0 || submit.isBusy}>{action}</button>
        </div>
      </form>
    </Dialog>
  );
}

function PersonChoice({ user, isChosen, onToggle }: { user: User; isChosen: boolean; onToggle: () => void }) {
  return (
    <label class="person">
      <input type="checkbox" class="visually-hidden" checked={isChosen} onChange={onToggle} />
      <Avatar userId={user.id} />
      <span class="person-names">
        <span class="person-name"><bdi>{user.display_name}</bdi></span>
        <span class="person-status">@{user.username}</span>
      </span>
      {isChosen && <Icon name="check" size={18} />}
    </label>
  );
}
