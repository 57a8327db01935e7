// Signing in, by whichever way, up to the tokens: a password and perhaps a second step, or a passkey alone.
import { signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { LoginReply, PasskeyLogin, SecondFactorDue } from "../net/contract.gen";
import { asCommandError, type CommandError } from "../net/errors";
import { provePasskey } from "../net/passkey";
import type { Account } from "./account";
import { whyNoPasskeys } from "./passkey_place";

export interface SecondStep {
  readonly token: string;
  readonly methods: Readonly<SecondFactorDue["methods"]>;
}

// The server's: a second step is open for five minutes, a challenge too.
const STEP_LIFE_MS = 300_000;
const CHALLENGE_LIFE_MS = 280_000;

export class SigningIn {
  /** The password was right and is not enough. */
  readonly step = signal<SecondStep | null>(null);
  /** What went wrong with a passkey that the browser offered by itself. */
  readonly offerError = signal<CommandError | null>(null);

  /** Called after a recovery code was spent on signing in. */
  onRecoveryCode: () => void = () => {};

  #timer: ReturnType<typeof setTimeout> | undefined;
  #offer: AbortController | null = null;

  constructor(
    private readonly api: Api,
    private readonly account: Pick<Account, "adopt" | "notice">,
  ) {}

  /** Raises CommandError. */
  async byPassword(login: string, password: string): Promise<void> {
    this.take(await this.api.call("auth.login", { login, password }));
  }

  /** A first step was taken: the tokens, or a second one. */
  take(reply: LoginReply): void {
    this.close();
    if (!("mfa_token" in reply)) {
      this.account.adopt(reply.tokens);
      return;
    }
    this.account.notice.value = null;
    this.step.value = { token: reply.mfa_token, methods: reply.methods };
    this.#timer = setTimeout(() => this.#expire("That took too long."), STEP_LIFE_MS);
  }

  /** Finish the second step. Raises CommandError; once the step is over, it closes itself and says so. */
  async byCode(code: string, isRecoveryCode: boolean): Promise<void> {
    const { token } = this.#open();
    const { tokens } = await this.#finishing(this.api.call("auth.login_totp", { mfa_token: token, code }));
    this.close();
    this.account.adopt(tokens);
    if (isRecoveryCode) this.onRecoveryCode();
  }

  /** With a passkey alone, or for the second step. Raises CommandError. */
  async byPasskey(): Promise<void> {
    this.stopOffering();
    const held = this.step.peek();
    const step = held ? { mfa_token: held.token } : {};
    const asked = await this.#finishing(this.api.call("auth.passkey_options", step));
    const credential = await provePasskey(asked.options);
    const proof = { challenge_id: asked.challenge_id, credential, ...step };
    const { tokens } = await this.#finishing(this.api.call("auth.login_passkey", proof));
    this.close();
    this.account.adopt(tokens);
  }

  /** Whatever was begun is over. */
  close(): void {
    clearTimeout(this.#timer);
    this.stopOffering();
    this.step.value = null;
    this.offerError.value = null;
  }

  /** Let the browser list passkeys beside the user name; they are only taken if the person chooses one. */
  offerPasskeys(): void {
    this.stopOffering();
    this.#offer = new AbortController();
    void this.#offerUntil(this.#offer.signal);
  }

  /** Browsers do one thing with passkeys at a time. */
  stopOffering(): void {
    this.#offer?.abort();
    this.#offer = null;
  }

  async #offerUntil(signal: AbortSignal): Promise<void> {
    if (whyNoPasskeys() !== null || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    for (;;) {
      await untilVisible();
      if (signal.aborted) return;
      const proof = await this.#waitForChoice(signal);
      if (proof === "over") return;
      if (proof !== "again") await this.#useChoice(proof);
    }
  }

  /** Nobody has asked for this: where it cannot be, nothing is said. The button will, if it is pressed. */
  async #waitForChoice(signal: AbortSignal): Promise<PasskeyLogin | "again" | "over"> {
    const round = new AbortController();
    const end = (): void => round.abort();
    signal.addEventListener("abort", end);
    const timer = setTimeout(end, CHALLENGE_LIFE_MS);
    try {
      const { challenge_id, options } = await this.api.call("auth.passkey_options", {});
      const credential = await provePasskey(options, { mediation: "conditional", signal: round.signal });
      return { challenge_id, credential };
    } catch {
      return round.signal.aborted && !signal.aborted ? "again" : "over";
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
    }
  }

  async #useChoice(proof: PasskeyLogin): Promise<void> {
    try {
      const { tokens } = await this.api.call("auth.login_passkey", proof);
      this.close();
      this.account.adopt(tokens);
    } catch (error) {
      this.offerError.value = asCommandError(error);
    }
  }

  #open(): SecondStep {
    const step = this.step.peek();
    if (!step) throw new Error("there is no second step");
    return step;
  }

  /** `unauthenticated` is said of the step, not of the code: it has ended, or had all its tries. */
  async #finishing<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (this.step.peek() && asCommandError(error).code === "unauthenticated") {
        this.#expire("The second step took too long, or was tried too often.");
      }
      throw error;
    }
  }

  #expire(why: string): void {
    this.close();
    this.account.notice.value = `${why} Please sign in again.`;
  }
}

async function untilVisible(): Promise<void> {
  while (document.visibilityState === "hidden") {
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}
