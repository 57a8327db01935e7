// What is done by links that are mailed: verify an address, set a forgotten password anew, and ask for such links.
import type { ServerApi } from "../net/api";
import type { Account } from "./account";

export class MailedLinks {
  constructor(
    private readonly api: ServerApi,
    private readonly account: Account,
  ) {}

  /** Raises CommandError. */
  async verifyEmail(token: string): Promise<void> {
    await this.api.call("auth.verify_email", { token });
    if (this.account.phase.peek() === "signed_in") await this.account.reload().catch(() => {});
  }

  /** All logins of the account end by it. Raises CommandError. */
  async resetPassword(token: string, password: string): Promise<void> {
    await this.api.call("auth.reset_password", { token, password });
    // If it was ours, our login is over: better known now than from the next thing that fails.
    if (this.account.phase.peek() === "signed_in") await this.api.session.refresh().catch(() => {});
  }

  /** The answer is the same whether anybody has this address or not. Raises CommandError. */
  async askForReset(email: string): Promise<void> {
    await this.api.call("auth.request_reset", { email });
  }

  /** The answer is the same whether anybody has this address or not. Raises CommandError. */
  async askForVerification(email: string): Promise<void> {
    await this.api.call("auth.resend_verification", { email });
  }
}
