// Accounts at other providers by which we sign in. Adding one is a journey: see store/oidc.ts. Raises CommandError.
import type { Api } from "../../net/api";
import type { Identity } from "../../net/contract.gen";
import { Resource } from "./resource";

export class IdentityStore {
  readonly identities: Resource<Identity[]>;

  constructor(private readonly api: Api) {
    this.identities = new Resource(async () => (await api.call("identities.list", {})).identities);
  }

  async remove(identityId: string): Promise<void> {
    await this.api.call("identities.remove", { identity_id: identityId });
    await this.identities.load();
  }

  clear(): void {
    this.identities.clear();
  }
}
