// A server of one room behind fake sockets: keeps the truth, numbers every change, and can cut, fold and lose.
// The law test compares what a client ends up with to a fresh snapshot of this.
import type { Member, Message, Room, SyncElement } from "../src/net/contract.gen";
import { FakeSocket } from "./fake_socket";
import { HER, ME, member, membership, message, messageId, ROOM, room } from "./samples";

type Numbered = { rev: number; ev: string; d: Message | Member | Room };

export class FakeServer {
  epoch = 1;
  rev = 0;
  readonly messages = new Map<string, Message>();
  readonly members = new Map<string, Member>([[ME, member(ME, 0)]]);
  readonly log: Numbered[] = [];
  #firstSeq = 1;
  #lastSeq = 0;
  #readSeq = 0;

  post(senderId: string, id: string = messageId(this.#lastSeq + 1)): { message: Message; duplicate: boolean } {
    const present = this.messages.get(id);
    if (present) return { message: present, duplicate: true };
    this.#lastSeq += 1;
    if (senderId === ME) this.#readSeq = this.#lastSeq;
    const stored = message(this.#lastSeq, { id, sender_id: senderId, rev: this.#next() });
    this.#store("message.created", stored);
    return { message: stored, duplicate: false };
  }

  change(index: number, isDeleted: boolean): void {
    const held = [...this.messages.values()][index];
    if (!held) return;
    const rev = this.#next();
    const change = isDeleted ? { text: "", deleted_at: held.created_at } : { text: `edit ${rev}`, edited_at: held.created_at };
    this.#store(isDeleted ? "message.deleted" : "message.updated", { ...held, ...change, rev });
  }

  toggleMember(): void {
    const isIn = this.members.has(HER);
    const rev = this.#next();
    const changed = member(HER, rev, { left_at: isIn ? "2026-01-31T12:00:00.000Z" : null });
    if (isIn) this.members.delete(HER);
    else this.members.set(HER, changed);
    this.log.push({ rev, ev: isIn ? "member.left" : "member.joined", d: changed });
  }

  /** Let the oldest messages end, of those that are read. */
  expire(count: number): void {
    const firstSeq = Math.min(this.#readSeq, this.#firstSeq + count) + 1;
    if (firstSeq <= this.#firstSeq) return;
    this.#firstSeq = firstSeq;
    for (const { id, seq } of [...this.messages.values()]) if (seq < firstSeq) this.messages.delete(id);
    this.log.push({ rev: this.#next(), ev: "room.updated", d: this.#room() });
  }

  markRead(): void {
    this.#readSeq = this.#lastSeq;
  }

  snapshot(held?: { epoch: number; rev: number }): SyncElement {
    const all = [...this.messages.values()];
    const isCaughtUp = held !== undefined && held.epoch === this.epoch && held.rev <= this.rev && this.rev - held.rev <= 40;
    const changed = all.filter((stored) => stored.rev > (held?.rev ?? 0));
    return {
      room: this.#room(),
      membership: this.#membership(),
      position: { epoch: this.epoch, rev: this.rev },
      state: !held ? "new" : !isCaughtUp ? "reset" : held.rev === this.rev ? "current" : "caught_up",
      messages: isCaughtUp ? changed : all.slice(-30),
      members: isCaughtUp ? [...this.members.values()].filter(({ rev }) => rev > held.rev) : [],
    };
  }

  /** The frames that bring a connection from one rev to another: one by one, or folded into `room.changes`. */
  deliver(socket: FakeSocket, fromRev: number, toRev: number, isFolded: boolean): void {
    if (isFolded && toRev === this.rev && toRev > fromRev) {
      const messages = [...this.messages.values()].filter(({ rev }) => rev > fromRev);
      const members = this.log.filter(({ rev, ev }) => rev > fromRev && ev.startsWith("member.")).map(({ d }) => d);
      socket.emit({
        ev: "room.changes", room_id: ROOM, epoch: this.epoch, rev: toRev,
        d: { after_rev: fromRev, messages, members, room: this.#room() },
      });
      return;
    }
    for (const { rev, ev, d } of this.log) {
      if (rev > fromRev && rev <= toRev) socket.emit({ ev, room_id: ROOM, epoch: this.epoch, rev, d });
    }
  }

  #next(): number {
    this.rev += 1;
    return this.rev;
  }

  #store(ev: string, stored: Message): void {
    this.messages.set(stored.id, stored);
    this.log.push({ rev: stored.rev, ev, d: stored });
  }

  #room() {
    return room({ epoch: this.epoch, rev: this.rev, first_seq: this.#firstSeq, last_seq: this.#lastSeq, member_count: this.members.size });
  }

  #membership() {
    const above = [...this.messages.values()].filter(({ seq, sender_id }) => seq > this.#readSeq && sender_id !== ME);
    return membership({ read_seq: this.#readSeq, unread: above.length });
  }
}
