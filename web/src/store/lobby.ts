// Finding, making, entering and leaving rooms. Each answers once the room is there, or raises CommandError.
import type { Api } from "../net/api";
import type { Room } from "../net/contract.gen";
import { uuidv7 } from "../net/uuid";
import type { Rooms } from "./rooms";
import type { Synchroniser } from "./sync";

export { uuidv7 as newId };

const HINT_MS = 1_000;

export interface NewRoom {
  kind: "public" | "private";
  name: string;
  topic: string;
  member_ids: string[];
}

export class Lobby {
  constructor(
    private readonly api: Api,
    private readonly rooms: Rooms,
    private readonly sync: Synchroniser,
  ) {}

  async browse(query: string): Promise<Room[]> {
    return (await this.api.call("rooms.browse", { q: query, limit: 50 })).rooms;
  }

  /** `id` makes a second try after a lost answer the same room. */
  async create(room: NewRoom, id: string = uuidv7()): Promise<string> {
    await this.api.call("rooms.create", { id, ...room });
    return this.#arrived(id);
  }

  async openDm(userIds: string[]): Promise<string> {
    return this.#arrived((await this.api.call("rooms.open_dm", { user_ids: userIds })).id);
  }

  async join(roomId: string): Promise<string> {
    await this.api.call("rooms.join", { room_id: roomId });
    return this.#arrived(roomId);
  }

  async leave(roomId: string): Promise<void> {
    await this.api.call("rooms.leave", { room_id: roomId });
  }

  async addMembers(roomId: string, userIds: string[]): Promise<void> {
    await this.api.call("members.add", { room_id: roomId, user_ids: userIds });
  }

  /** `room.added` normally comes with the reply; should the hint be late, ask. */
  #arrived(roomId: string): string {
    setTimeout(() => {
      if (!this.rooms.peek(roomId)) void this.sync.reload(roomId);
    }, HINT_MS);
    return roomId;
  }
}
