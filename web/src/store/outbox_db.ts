// The outbox on disk (IndexedDB), so that a reload loses nothing unsent. Used by pending.ts only.
import { openDB, type DBSchema, type IDBPDatabase } from "idb";

export interface StoredDraft {
  id: string;
  user_id: string;
  room_id: string;
  text: string;
  written_at: string;
  /** Why the server refused it for good; null while it may still go out. */
  refusal: string | null;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: StoredDraft; indexes: { by_user: string } };
}

export interface OutboxDb {
  load(userId: string): Promise<StoredDraft[]>;
  put(draft: StoredDraft): Promise<void>;
  remove(id: string): Promise<void>;
}

/** A browser that refuses IndexedDB (private windows do) gets an outbox that lives as long as the page. */
export class IndexedOutbox implements OutboxDb {
  #database: Promise<IDBPDatabase<Schema> | null> | null = null;

  async load(userId: string): Promise<StoredDraft[]> {
    const database = await this.#open();
    const drafts = (await database?.getAllFromIndex("outbox", "by_user", userId)) ?? [];
    // Ids are UUIDv7: their order is the order of writing.
    return drafts.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async put(draft: StoredDraft): Promise<void> {
    await (await this.#open())?.put("outbox", draft);
  }

  async remove(id: string): Promise<void> {
    await (await this.#open())?.delete("outbox", id);
  }

  #open(): Promise<IDBPDatabase<Schema> | null> {
    this.#database ??= openDB<Schema>("chatcraft", 1, {
      upgrade(database) {
        database.createObjectStore("outbox", { keyPath: "id" }).createIndex("by_user", "user_id");
      },
    }).catch(() => null);
    return this.#database;
  }
}
