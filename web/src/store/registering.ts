// Who may register here, and doing it: with a password, or as somebody whom a provider knows.
import { signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { Policy, Register, SignedIn, WorkChallenge } from "../net/contract.gen";
import { asCommandError, CommandError } from "../net/errors";
import type { Account } from "./account";
import type { PageLocation } from "./location";
import { read, write } from "./storage";

const KEPT = "policy";
// Some minutes of work.
const WORK_BITS_MAX = 28;

export class Registering {
  /** As it was at the last visit, until the server has told; null at the first one. */
  readonly policy = signal<Policy | null>(readKept());
  readonly policyError = signal<CommandError | null>(null);
  /** The account is made, and waits for the link that was mailed here. */
  readonly mailedTo = signal<string | null>(null);

  #isAsked = false;

  constructor(
    private readonly api: Api,
    private readonly account: Pick<Account, "adopt">,
    private readonly place: PageLocation,
  ) {}

  /** Each page that needs it asks; the first one makes it load. */
  askPolicy(): void {
    if (!this.#isAsked) void this.loadPolicy();
  }

  async loadPolicy(): Promise<void> {
    this.#isAsked = true;
    this.policyError.value = null;
    try {
      this.policy.value = await this.api.call("auth.get_policy", {});
      write(KEPT, JSON.stringify(this.policy.value));
    } catch (error) {
      this.policyError.value = asCommandError(error);
    }
  }

  /** Raises CommandError. */
  async register(request: Register): Promise<void> {
    try {
      const { tokens } = await this.#ask(request);
      this.place.keepInvitation(null);
      this.account.adopt(tokens);
    } catch (error) {
      await this.onRefused(asCommandError(error), request.email ?? null);
    }
  }

  /** Where registering costs work the refusal says how much; once that is done it is asked again. */
  async #ask(request: Register): Promise<SignedIn> {
    try {
      return await this.api.call("auth.register", request);
    } catch (error) {
      const work = readWork(asCommandError(error));
      if (work === null) throw error;
      const { solve } = await import("../net/proof_of_work");
      const proof = { challenge: work.challenge, solution: await solve(work) };
      return this.api.call("auth.register", { ...request, proof_of_work: proof });
    }
  }

  /** What the page can do about a refusal; raises the rest. */
  async onRefused(error: CommandError, email: string | null): Promise<void> {
    if (error.details.reason === "verify_email" && email !== null) {
      this.place.keepInvitation(null);
      this.mailedTo.value = email;
      return;
    }
    if (error.details.reason === "invitation") this.place.keepInvitation(null);
    // They may have changed since the page was opened.
    if (error.problemOf("accepts_terms") || error.problemOf("is_old_enough")) await this.loadPolicy();
    throw error;
  }
}

/** What a refusal wants solved; null if it is another, or wants more than any server that means well. */
function readWork({ details }: CommandError): WorkChallenge | null {
  const { reason, challenge, bits } = details;
  if (reason !== "proof_of_work" || typeof challenge !== "string" || typeof bits !== "number") return null;
  return bits <= WORK_BITS_MAX ? { challenge, bits } : null;
}

function readKept(): Policy | null {
  const kept = read(KEPT);
  return kept === null ? null : (JSON.parse(kept) as Policy);
}

/** What stands behind `#` in the link of an invitation, or all of what was typed. */
export function readInvitation(typed: string): string {
  return typed.trim().replace(/^.*#/s, "");
}
