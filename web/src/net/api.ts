// The one way in which stores reach the server: the socket while it takes commands, REST otherwise. No rooms, no
// signals.
import { publicOps, restOnlyOps, routes, type Commands, type Op } from "./contract.gen";
import { callHttp } from "./http";
import { Session } from "./session";
import { Socket } from "./socket";

// The socket would take it, but only an HTTP answer can end the cookie.
const ENDS_COOKIE: Op = "auth.logout";

export interface Api {
  call<O extends Op>(op: O, data: Commands[O]["request"]): Promise<Commands[O]["reply"]>;
}

export class ServerApi implements Api {
  readonly session = new Session();
  readonly socket: Socket;

  constructor(origin: string = location.origin) {
    const url = `${origin.replace(/^http/, "ws")}/ws`;
    this.socket = new Socket({ url, streamUrl: "/api/v1/stream", tokens: this.session });
    this.session.onToken = (accessToken) => this.#reauthenticate(accessToken);
  }

  /** Raises CommandError. */
  async call<O extends Op>(op: O, data: Commands[O]["request"]): Promise<Commands[O]["reply"]> {
    const prefersSocket = this.socket.takesCommands && !restOnlyOps.has(op) && op !== ENDS_COOKIE;
    if (prefersSocket || !routes[op]) return this.socket.call(op, data);
    return callHttp(op, data, publicOps.has(op) ? null : await this.session.fresh());
  }

  /** A refused token (another login by now) is settled by the server's close, or by the next handshake. */
  #reauthenticate(accessToken: string): void {
    if (this.socket.takesCommands) this.socket.call("auth.reauth", { access_token: accessToken }).catch(() => {});
  }
}
