// What a screen reader is told of messages that arrive: author, then text; bursts in one sentence.
import { signal } from "@preact/signals";
import type { Message } from "../net/contract.gen";
import { mentionsUser } from "./counts";
import { fromTokens } from "./mentions";
import type { People } from "./people";
import { titleOf } from "./room_list";
import type { RoomState } from "./room_state";
import { announcements } from "./settings";

const GATHER_MS = 1_000;
const SPOKEN_CODE_POINTS = 200;

export interface Said {
  readonly text: string;
  /** Tells the same words said twice apart: a live region that does not change is not read again. */
  readonly count: number;
}

export class Announcer {
  /** What stands in the polite live region. */
  readonly said = signal<Said>({ text: "", count: 0 });
  #gathered: { message: Message; state: RoomState }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly people: People) {}

  onMessage(message: Message, state: RoomState | undefined, isOpen: boolean): void {
    if (!state || announcements.peek() === "none") return;
    const isForMe = state.room.user_ids !== null || mentionsUser(message, state.membership.user_id);
    if (!isForMe && (announcements.peek() === "mentions" || !isOpen)) return;
    if (!isOpen && state.membership.notify === "none") return;
    this.#gathered.push({ message, state });
    this.#timer ??= setTimeout(() => this.#speak(), GATHER_MS);
  }

  /** Out of sight in a crowded room: who wrote what is not known yet. */
  onMention(state: RoomState): void {
    if (announcements.peek() === "none" || state.membership.notify === "none") return;
    this.say(`You were mentioned in ${this.#titleOf(state)}`);
  }

  say(text: string): void {
    this.said.value = { text, count: this.said.peek().count + 1 };
  }

  #speak(): void {
    this.#timer = undefined;
    const [first, ...more] = this.#gathered;
    this.#gathered = [];
    if (!first) return;
    if (more.length === 0) {
      const text = fromTokens(first.message.text, this.#nameOf);
      this.say(`${this.#nameOf(first.message.sender_id)}: ${[...text].slice(0, SPOKEN_CODE_POINTS).join("")}`);
      return;
    }
    const rooms = new Set([first, ...more].map(({ state }) => this.#titleOf(state)));
    this.say(`${more.length + 1} new messages in ${[...rooms].join(", ")}`);
  }

  #nameOf = (userId: string): string => this.people.nameOf(userId);

  #titleOf(state: RoomState): string {
    return titleOf(state, this.#nameOf);
  }
}
