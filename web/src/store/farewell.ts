// What is left of an account that its owner has erased: a receipt, shown until it is kept, by when nobody is signed in.
import { signal } from "@preact/signals";
import type { ServerApi } from "../net/api";
import type { Erasure, StartedErasure } from "../net/contract.gen";
import type { Account } from "./account";

const AGAIN_MS = 3_000;

export class Farewell {
  readonly receipt = signal<string | null>(null);
  /** How far it has come, as far as we know. */
  readonly erasure = signal<Erasure | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly api: ServerApi,
    private readonly account: Account,
  ) {}

  async take({ receipt, erasure }: StartedErasure): Promise<void> {
    this.receipt.value = receipt;
    this.erasure.value = erasure;
    this.#schedule();
    await this.account.end(null);
    // The socket may have been closed before, which is news to other tabs, but not here.
    this.account.notice.value = null;
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.receipt.value = this.erasure.value = null;
  }

  #schedule(): void {
    if (this.erasure.peek()?.state !== "finished") this.#timer = setTimeout(() => void this.#ask(), AGAIN_MS);
  }

  async #ask(): Promise<void> {
    const receipt = this.receipt.peek();
    if (receipt === null) return;
    const erasure = await this.api.call("privacy.get_erasure", { receipt }).catch(() => null);
    if (this.receipt.peek() !== receipt) return;
    if (erasure) this.erasure.value = erasure;
    this.#schedule();
  }
}
