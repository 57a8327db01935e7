// By what we sign in besides the password: passkeys, TOTP, recovery codes. Each method raises CommandError.
import { signal } from "@preact/signals";
import type { Api } from "../../net/api";
import type { Factors, TotpBegun } from "../../net/contract.gen";
import { makePasskey } from "../../net/passkey";
import { Resource } from "./resource";

export { canPasskeys } from "../../net/passkey";

export class FactorStore {
  readonly factors: Resource<Factors>;
  /** A TOTP secret that was made and is not confirmed yet. */
  readonly begun = signal<TotpBegun | null>(null);
  /** Recovery codes that the server shows this once, until the user has kept them. */
  readonly codes = signal<readonly string[] | null>(null);

  constructor(private readonly api: Api) {
    this.factors = new Resource(() => api.call("factors.list", {}));
  }

  /** Let the browser make a passkey. Raises PasskeyError too. */
  async addPasskey(name: string): Promise<void> {
    const { challenge_id, options } = await this.api.call("factors.begin_passkey", {});
    await this.api.call("factors.add_passkey", { challenge_id, credential: await makePasskey(options), name });
    await this.factors.load();
  }

  async renamePasskey(passkeyId: string, name: string): Promise<void> {
    await this.api.call("factors.rename_passkey", { passkey_id: passkeyId, name });
    await this.factors.load();
  }

  async removePasskey(passkeyId: string): Promise<void> {
    await this.api.call("factors.remove_passkey", { passkey_id: passkeyId });
    await this.factors.load();
  }

  async beginTotp(): Promise<void> {
    this.begun.value = await this.api.call("factors.begin_totp", {});
  }

  async confirmTotp(code: string): Promise<void> {
    this.codes.value = (await this.api.call("factors.confirm_totp", { code })).recovery_codes;
    this.begun.value = null;
    await this.factors.load();
  }

  cancelTotp(): void {
    this.begun.value = null;
  }

  async removeTotp(): Promise<void> {
    await this.api.call("factors.remove_totp", {});
    this.codes.value = null;
    await this.factors.load();
  }

  async renewCodes(): Promise<void> {
    this.codes.value = (await this.api.call("factors.renew_recovery_codes", {})).recovery_codes;
    await this.factors.load();
  }

  forgetCodes(): void {
    this.codes.value = null;
  }

  clear(): void {
    this.factors.clear();
    this.begun.value = this.codes.value = null;
  }
}
