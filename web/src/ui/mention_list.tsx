// Completion of `@` in the composer: people of the room, and the whole room.
import { useEffect, useState } from "preact/hooks";
import { client } from "../store/client";
import type { User } from "../store/failure";
import type { RoomState } from "../store/room_state";
import { Avatar } from "./avatar";
import { Icon } from "./icon";

export const LIST_ID = "mention-list";
const SHOWN_MAX = 8;
const BEFORE_CARET = /(?:^|[\s(])@([\p{L}\p{N}._-]*)$/u;

interface Choice {
  name: string;
  label: string;
  userId: string | null;
}

export interface Completion {
  isOpen: boolean;
  choices: Choice[];
  index: number;
  activeId: string | undefined;
  pick: (choice: Choice) => void;
  close: () => void;
  /** True when the key was for the list. */
  onKeyDown: (event: KeyboardEvent) => boolean;
}

/** Everybody who can be named here, as far as known. */
export function peopleOf(state: RoomState): User[] {
  const authors = state.timeline.messages.map((message) => message.sender_id);
  const ids = new Set([...(state.members?.keys() ?? []), ...(state.room.user_ids ?? []), ...authors]);
  return client.people.known(ids);
}

function choicesFor(state: RoomState, query: string): Choice[] {
  const wanted = query.toLocaleLowerCase();
  const people = peopleOf(state).map((user) => ({ name: user.username, label: user.display_name, userId: user.id }));
  const groups = [
    { name: "room", label: "Everybody in this room", userId: null },
    { name: "here", label: "Everybody who is online", userId: null },
  ];
  const starts = (text: string): boolean =>
    text.toLocaleLowerCase().split(/\s+/).some((word) => word.startsWith(wanted));
  return [...people, ...groups].filter(({ name, label, userId }) => starts(name) || (userId && starts(label))).slice(0, SHOWN_MAX);
}

export function useCompletion(
  state: RoomState,
  input: { current: HTMLTextAreaElement | null },
  text: string,
  change: (text: string) => void,
): Completion {
  const [index, setIndex] = useState(0);
  const [dismissed, setDismissed] = useState<string | null>(null);
  const caret = input.current?.selectionStart ?? text.length;
  const match = document.activeElement === input.current ? BEFORE_CARET.exec(text.slice(0, caret)) : null;
  // Names that were pasted become mentions, too: whoever is meant must be known by the time it is sent.
  if (text.includes("@") && state.members === null) loadMembersOnce(state.room.id);
  const choices = match && dismissed !== text ? choicesFor(state, match[1]!) : [];
  const isOpen = choices.length > 0;
  const current = Math.min(index, choices.length - 1);

  const pick = (choice: Choice): void => {
    const start = caret - match![1]!.length;
    const next = `${text.slice(0, start)}${choice.name} ${text.slice(caret)}`;
    change(next);
    setIndex(0);
    const position = start + choice.name.length + 1;
    requestAnimationFrame(() => input.current?.setSelectionRange(position, position));
  };
  const onKeyDown = (event: KeyboardEvent): boolean => {
    if (!isOpen) return false;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) setIndex((current + step + choices.length) % choices.length);
    else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") pick(choices[current]!);
    else if (event.key === "Escape") setDismissed(text);
    else return false;
    event.preventDefault();
    return true;
  };
  const activeId = isOpen ? `${LIST_ID}-${current}` : undefined;
  return { isOpen, choices, index: current, activeId, pick, close: () => setDismissed(text), onKeyDown };
}

const asked = new Set<string>();

function loadMembersOnce(roomId: string): void {
  if (asked.has(roomId)) return;
  asked.add(roomId);
  client.history.loadMembers(roomId).catch(() => {}).finally(() => asked.delete(roomId));
}

export function MentionList({ completion }: { completion: Completion }) {
  useEffect(() => {
    if (completion.activeId) document.getElementById(completion.activeId)?.scrollIntoView({ block: "nearest" });
  }, [completion.activeId]);
  if (!completion.isOpen) return null;
  return (
    <ul id={LIST_ID} class="mention-list" role="listbox" aria-label="People to mention">
      {completion.choices.map((choice, index) => (
        <li
          key={choice.name}
          id={`${LIST_ID}-${index}`}
          role="option"
          aria-selected={index === completion.index}
          onMouseDown={(event) => {
            // Before the text loses the focus.
            event.preventDefault();
            completion.pick(choice);
          }}
        >
          {choice.userId ? <Avatar userId={choice.userId} size="small" /> : <span class="room-mark"><Icon name="users" size={18} /></span>}
          <span dir="auto">{choice.label}</span>
          <span class="mention-name">@{choice.name}</span>
        </li>
      ))}
    </ul>
  );
}
