// What somebody who has just signed in is to be told or asked: terms that have changed, recovery codes that get few.
import { computed, signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { DueConsent } from "../net/contract.gen";

export interface ProviderLink {
  readonly token: string;
  readonly provider: string;
  readonly email: string;
}

export class Arrival {
  /** An account at a provider that may be of whoever signs in now. */
  readonly link = signal<ProviderLink | null>(null);
  /** In force, and not accepted yet. */
  readonly due = signal<readonly DueConsent[]>([]);
  /** How many recovery codes are left, after one was used. */
  readonly codesLeft = signal<number | null>(null);
  readonly hasWords = computed(() => this.due.value.length > 0 || this.codesLeft.value !== null || this.link.value !== null);

  constructor(private readonly api: Api) {}

  /** What cannot be asked now is asked at the next visit. */
  async askWhatIsDue(): Promise<void> {
    const answer = await this.api.call("consents.list", {}).catch(() => null);
    if (answer) this.due.value = answer.due;
  }

  /** Raises CommandError. */
  async acceptAll(): Promise<void> {
    for (const { kind, version } of this.due.peek()) {
      this.due.value = (await this.api.call("consents.accept", { kind, version })).due;
    }
  }

  /** Nothing is accepted by it: the next visit asks again. */
  putOff(): void {
    this.due.value = [];
  }

  /** From now on one can sign in by it. Raises CommandError. */
  async connect({ token }: ProviderLink): Promise<void> {
    await this.api.call("identities.link", { link_token: token });
    this.link.value = null;
  }

  async countRecoveryCodes(): Promise<void> {
    const factors = await this.api.call("factors.list", {}).catch(() => null);
    if (factors) this.codesLeft.value = factors.recovery_codes_left;
  }

  clear(): void {
    this.due.value = [];
    this.codesLeft.value = this.link.value = null;
  }
}
