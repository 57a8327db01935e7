// Our e-mail address and password, and what this server says of both. Each method raises CommandError.
import { signal } from "@preact/signals";
import type { Api } from "../../net/api";
import type { Policy } from "../../net/contract.gen";
import type { Account } from "../account";
import { Resource } from "./resource";

export class ContactStore {
  readonly policy: Resource<Policy>;
  /** Where a link has gone that makes this our address. */
  readonly askedEmail = signal<string | null>(null);

  constructor(
    private readonly api: Api,
    private readonly account: Account,
  ) {
    this.policy = new Resource(() => api.call("auth.get_policy", {}));
  }

  /** An address is verified elsewhere: in a mail program, in another tab. */
  async refresh(): Promise<void> {
    const me = await this.api.call("users.me", {});
    this.account.me.value = me;
    if (me.email_verified && me.email === this.askedEmail.peek()) this.askedEmail.value = null;
  }

  async changeEmail(email: string): Promise<void> {
    await this.api.call("users.change_email", { email });
    this.askedEmail.value = email;
    await this.refresh();
  }

  /** Mail the link for the address given at registration again. */
  async resendVerification(email: string): Promise<void> {
    await this.api.call("auth.resend_verification", { email });
    this.askedEmail.value = email;
  }

  async changePassword(current: string, next: string): Promise<void> {
    await this.api.call("auth.change_password", { current_password: current, new_password: next });
  }

  /** For who has none. */
  async setPassword(password: string): Promise<void> {
    await this.api.call("auth.set_password", { password });
  }

  clear(): void {
    this.policy.clear();
    this.askedEmail.value = null;
  }
}
