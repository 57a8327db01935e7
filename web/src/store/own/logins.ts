// Where we are signed in. Each method raises CommandError.
import type { Api } from "../../net/api";
import type { LoginSession } from "../../net/contract.gen";
import { Resource } from "./resource";

export class LoginStore {
  /** This device first, then by last use. */
  readonly logins: Resource<LoginSession[]>;

  constructor(private readonly api: Api) {
    this.logins = new Resource(async () => (await api.call("auth.list_logins", {})).logins.sort(byUse));
  }

  async end(loginId: string): Promise<void> {
    await this.api.call("auth.revoke_login", { login_id: loginId });
    await this.logins.load();
  }

  /** Returns how many there were. */
  async endOthers(): Promise<number> {
    const { count } = await this.api.call("auth.revoke_other_logins", {});
    await this.logins.load();
    return count;
  }

  clear(): void {
    this.logins.clear();
  }
}

function byUse(a: LoginSession, b: LoginSession): number {
  return Number(b.current) - Number(a.current) || b.last_used_at.localeCompare(a.last_used_at);
}
