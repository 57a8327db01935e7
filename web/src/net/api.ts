// The one way in which stores reach the server: the socket while it takes commands, REST otherwise. No rooms, no
// signals.
import { publicOps, restOnlyOps, routes, type Commands, type Op } from "./contract.gen";
import { CommandError } from "./errors";
import { callHttp } from "./http";
import { Session } from "./session";
import { Socket } from "./socket";

// The socket would take it, but only an HTTP answer can end the cookie.
const ENDS_COOKIE: Op = "auth.logout";
// Its answer would not come through: who is erased has no socket any more.
const ENDS_SOCKET: Op = "privacy.erase_me";

// A refusal of these is no question: somebody is answering it.
const PROVES: ReadonlySet<Op> = new Set<Op>(["auth.step_up", "auth.begin_step_up"]);

export interface Api {
  call<O extends Op>(op: O, data: Commands[O]["request"]): Promise<Commands[O]["reply"]>;
}

export class ServerApi implements Api {
  readonly session = new Session();
  readonly socket: Socket;
  /**
   * A command wants a fresh proof of who we are. Once this resolves, the command is sent once more; if it rejects,
   * the command fails with that.
   */
  onProofDue: (refusal: CommandError) => Promise<void> = (refusal) => Promise.reject(refusal);

  constructor(origin: string = location.origin) {
    const url = `${origin.replace(/^http/, "ws")}/ws`;
    this.socket = new Socket({ url, streamUrl: "/api/v1/stream", tokens: this.session });
    this.session.onToken = (accessToken) => this.#reauthenticate(accessToken);
  }

  /** Raises CommandError. */
  async call<O extends Op>(op: O, data: Commands[O]["request"]): Promise<Commands[O]["reply"]> {
    try {
      return await this.#send(op, data);
    } catch (error) {
      if (PROVES.has(op) || !isProofDue(error)) throw error;
      await this.onProofDue(error);
      return this.#send(op, data);
    }
  }

  async #send<O extends Op>(op: O, data: Commands[O]["request"]): Promise<Commands[O]["reply"]> {
    const needsHttp = restOnlyOps.has(op) || publicOps.has(op) || op === ENDS_COOKIE || op === ENDS_SOCKET;
    const prefersSocket = this.socket.takesCommands && !needsHttp;
    if (prefersSocket || !routes[op]) return this.socket.call(op, data);
    return callHttp(op, data, publicOps.has(op) ? null : await this.session.fresh());
  }

  /** A refused token (another login by now) is settled by the server's close, or by the next handshake. */
  #reauthenticate(accessToken: string): void {
    if (this.socket.takesCommands) this.socket.call("auth.reauth", { access_token: accessToken }).catch(() => {});
  }
}

function isProofDue(error: unknown): error is CommandError {
  return error instanceof CommandError && error.code === "forbidden" && error.details.reason === "step_up";
}
