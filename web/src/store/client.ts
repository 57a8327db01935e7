// The composition root of the stores: who is told of what. The user interface imports `client` and nothing of net/.
import { effect } from "@preact/signals";
import { ServerApi } from "../net/api";
import type { Export, Message } from "../net/contract.gen";
import { Account } from "./account";
import { Announcer } from "./announcer";
import { Arrival } from "./arrival";
import { Connection } from "./connection";
import { Drafts } from "./drafts";
import { Farewell } from "./farewell";
import { Focus } from "./focus";
import { History } from "./history";
import { Lobby } from "./lobby";
import { PageLocation } from "./location";
import { MailedLinks } from "./mailed_links";
import { Navigation } from "./navigation";
import { Oidc } from "./oidc";
import { IndexedOutbox, type OutboxDb } from "./outbox_db";
import { People } from "./people";
import { Outbox } from "./pending";
import { PresenceStore } from "./presence";
import { Reading } from "./reading";
import { Registering } from "./registering";
import { Rooms } from "./rooms";
import { SigningIn } from "./signing_in";
import { StepUp } from "./step_up";
import { Synchroniser } from "./sync";
import { TypingStore } from "./typing";

export class Client {
  readonly rooms = new Rooms();
  readonly drafts: Drafts;
  readonly navigation = new Navigation();
  readonly place = new PageLocation();
  readonly focus: Focus;
  readonly people: People;
  readonly presence: PresenceStore;
  readonly typing: TypingStore;
  readonly outbox: Outbox;
  readonly reading: Reading;
  readonly history: History;
  readonly sync: Synchroniser;
  readonly lobby: Lobby;
  readonly announcer: Announcer;
  readonly account: Account;
  readonly signingIn: SigningIn;
  readonly registering: Registering;
  readonly mailedLinks: MailedLinks;
  readonly arrival: Arrival;
  readonly oidc: Oidc;
  readonly connection: Connection;
  readonly stepUp: StepUp;
  readonly farewell: Farewell;
  /** What stores that are loaded later do when the user signs out. */
  readonly onForget = new Set<() => void>();
  /** An export of ours is ready: for those that show exports. */
  onExportReady: (ready: Export) => void = () => {};

  constructor(
    readonly api: ServerApi = new ServerApi(),
    outboxDb: OutboxDb = new IndexedOutbox(),
  ) {
    this.drafts = new Drafts(api);
    this.focus = new Focus(api);
    this.people = new People(api);
    this.presence = new PresenceStore(api);
    this.typing = new TypingStore(api);
    this.outbox = new Outbox(api, outboxDb);
    this.reading = new Reading(api, this.rooms);
    this.history = new History(api, this.rooms);
    this.sync = new Synchroniser(api, this.rooms, (roomId) => this.forgetRoom(roomId));
    this.lobby = new Lobby(api, this.rooms, this.sync);
    this.announcer = new Announcer(this.people);
    this.account = new Account(api);
    this.signingIn = new SigningIn(api, this.account);
    this.registering = new Registering(api, this.account, this.place);
    this.mailedLinks = new MailedLinks(api, this.account);
    this.arrival = new Arrival(api);
    this.oidc = new Oidc(api, this);
    this.connection = new Connection(this);
    this.stepUp = new StepUp(api);
    this.farewell = new Farewell(api, this.account);
    this.#wire();
  }

  start(): void {
    this.place.start();
    this.navigation.start();
    addEventListener("online", () => this.connection.wake());
    addEventListener("offline", () => this.connection.wake());
    document.addEventListener("visibilitychange", () => {
      this.reading.onVisible(document.visibilityState === "visible");
      if (document.visibilityState === "visible") this.connection.wake();
      else this.drafts.flush();
    });
    this.#followOpenRoom();
    void this.account.start();
  }

  /** Own messages are written here, so that they clear the draft and the "new" line in the same frame. */
  sendMessage(roomId: string, text: string): void {
    this.outbox.add(roomId, text);
    this.reading.onSent();
    this.typing.tellStopped(roomId);
    this.drafts.set(roomId, "");
  }

  forgetRoom(roomId: string): void {
    if (this.navigation.roomId.peek() === roomId) this.navigation.close();
    this.outbox.dropRoom(roomId);
    this.drafts.drop(roomId);
    this.rooms.remove(roomId);
  }

  #wire(): void {
    this.rooms.onMessages = (roomId, messages, isLive) => this.#onMessages(roomId, messages, isLive);
    this.outbox.onStored = (message) => this.rooms.takeMessage(message);
    this.signingIn.onRecoveryCode = () => void this.arrival.countRecoveryCodes();
    effect(() => {
      if (this.connection.hasSynced.value) void this.arrival.askWhatIsDue();
    });
    effect(() => {
      const me = this.account.me.value;
      if (me) this.people.take([me]);
    });
    this.account.onSignedIn = (userId) => {
      this.place.leaveIfForStrangers();
      this.signingIn.close();
      this.drafts.open(userId);
      void this.outbox.open(userId);
      this.api.socket.start();
    };
    this.account.onSignedOut = () => this.#forgetUser();
  }

  #onMessages(roomId: string, messages: readonly Message[], isLive: boolean): void {
    this.outbox.confirm(messages);
    const message = messages[0];
    if (!isLive || !message || message.thread_id !== null) return;
    this.typing.onMessage(roomId, message.sender_id);
    if (message.sender_id === this.account.userId.peek()) return;
    if (this.navigation.roomId.peek() === roomId) this.reading.onMessage(roomId, message.seq);
    this.announcer.onMessage(message, this.rooms.peek(roomId), this.navigation.roomId.peek() === roomId);
  }

  #followOpenRoom(): void {
    let openRoomId: string | null = null;
    let isKnown = false;
    effect(() => {
      const roomId = this.navigation.roomId.value;
      this.focus.show(roomId === null ? [] : [roomId]);
      const wasKnown = isKnown;
      isKnown = roomId !== null && this.rooms.ids.value.includes(roomId);
      // A room from the address arrives with the first sync, some time after it was opened.
      if (roomId === openRoomId && isKnown === wasKnown) return;
      if (openRoomId !== null && roomId !== openRoomId) {
        this.rooms.trim(openRoomId);
        this.drafts.flush();
      }
      openRoomId = roomId;
      this.reading.onRoomOpened(roomId);
    });
  }

  async #forgetUser(): Promise<void> {
    this.connection.clear();
    this.arrival.clear();
    this.stepUp.cancel();
    for (const forget of this.onForget) forget();
    this.navigation.close();
    this.drafts.close();
    this.reading.clear();
    this.typing.clear();
    this.presence.clear();
    this.rooms.clear();
    this.people.clear();
    await this.outbox.close();
  }
}

export const client = new Client();
