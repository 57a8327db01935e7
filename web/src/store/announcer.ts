// What a screen reader is told of messages that arrive: author, then text; bursts in one sentence.
import { signal } from "@preact/signals";
import type { Message } from "../net/contract.gen";
import { mentionsUser } from "./counts";
import type { People } from "./people";
import type { RoomState } from "./room_state";
import { announcements } from "./settings";

const GATHER_MS = 1_000;
const SPOKEN_CODE_POINTS = 200;

export class Announcer {
  /** The text of the polite live region. */
  readonly text = signal("");
  #gathered: { message: Message; state: RoomState }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly people: People) {}

  onMessage(message: Message, state: RoomState | undefined, isOpen: boolean): void {
    if (!state || announcements.peek() === "none") return;
    const isForMe = state.room.user_ids !== null || mentionsUser(message, state.membership.user_id);
    if (!isForMe && (announcements.peek() === "mentions" || !isOpen)) return;
    this.#gathered.push({ message, state });
    this.#timer ??= setTimeout(() => this.#speak(), GATHER_MS);
  }

  /** Out of sight in a crowded room: who wrote what is not known yet. */
  onMention(state: RoomState): void {
    if (announcements.peek() !== "none") this.say(`You were mentioned in ${state.room.name ?? "direct messages"}`);
  }

  say(text: string): void {
    this.text.value = text;
  }

  #speak(): void {
    this.#timer = undefined;
    const [first, ...more] = this.#gathered;
    this.#gathered = [];
    if (!first) return;
    if (more.length === 0) {
      const spoken = [...first.message.text].slice(0, SPOKEN_CODE_POINTS).join("");
      this.say(`${this.people.nameOf(first.message.sender_id)}: ${spoken}`);
      return;
    }
    const rooms = new Set([first, ...more].map(({ state }) => state.room.name ?? "direct messages"));
    this.say(`${more.length + 1} new messages in ${[...rooms].join(", ")}`);
  }
}
