// Proving once more who we are: any command that asks for it waits here until the user has, or will not.
// Shown by one dialog; the command is repeated by net/api.ts.
import { signal } from "@preact/signals";
import type { ServerApi } from "../net/api";
import type { StepUp as Proof } from "../net/contract.gen";
import { CommandError } from "../net/errors";
import { provePasskey } from "../net/passkey";

export type ProofMethod = "password" | "totp" | "recovery_code" | "passkey" | "provider";

interface Waiting {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: CommandError) => void;
}

function newWaiting(): Waiting {
  let resolve!: () => void;
  let reject!: (error: CommandError) => void;
  const promise = new Promise<void>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

export class StepUp {
  /** By what it can be proved, while somebody waits for that. */
  readonly due = signal<readonly ProofMethod[] | null>(null);
  #waiting: Waiting | null = null;

  constructor(private readonly api: ServerApi) {
    api.onProofDue = (refusal) => this.#ask(refusal);
  }

  /** Raises CommandError: `mfa_failed` if it is wrong. */
  async byPassword(password: string): Promise<void> {
    await this.#prove({ password });
  }

  /** By a TOTP or a recovery code. Raises CommandError: `mfa_failed` if it is wrong. */
  async byCode(code: string): Promise<void> {
    await this.#prove({ code });
  }

  /** Raises CommandError, PasskeyError among them. */
  async byPasskey(): Promise<void> {
    const { challenge_id, options } = await this.api.call("auth.passkey_options", {});
    await this.#prove({ challenge_id, credential: await provePasskey(options) });
  }

  /** The user will not: what waited fails. */
  cancel(): void {
    this.#settle()?.reject(new CommandError("forbidden", "Nothing was changed: you did not confirm that it is you."));
  }

  async #ask(refusal: CommandError): Promise<void> {
    const methods = (refusal.details.methods as ProofMethod[] | undefined) ?? (await this.#listMethods());
    this.#waiting ??= newWaiting();
    this.due.value = methods;
    return this.#waiting.promise;
  }

  /** Where the server does not say it. */
  async #listMethods(): Promise<ProofMethod[]> {
    const { has_password, totp_since_at, recovery_codes_left, passkeys } = await this.api.call("factors.list", {});
    const methods: [ProofMethod, boolean][] = [
      ["password", has_password && totp_since_at === null],
      ["totp", totp_since_at !== null],
      ["recovery_code", recovery_codes_left > 0],
      ["passkey", passkeys.length > 0],
    ];
    return methods.filter(([, isThere]) => isThere).map(([method]) => method);
  }

  async #prove(proof: Proof): Promise<void> {
    await this.api.call("auth.step_up", proof);
    this.#settle()?.resolve();
  }

  #settle(): Waiting | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.due.value = null;
    return waiting;
  }
}
