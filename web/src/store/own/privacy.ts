// What we have accepted of this server's terms. Each method raises CommandError.
import type { Api } from "../../net/api";
import type { Consents, DueConsent } from "../../net/contract.gen";
import { Resource } from "./resource";

export class PrivacyStore {
  readonly consents: Resource<Consents>;

  constructor(private readonly api: Api) {
    this.consents = new Resource(() => api.call("consents.list", {}));
  }

  async accept(kind: DueConsent["kind"], version: string): Promise<void> {
    this.consents.take(await this.api.call("consents.accept", { kind, version }));
  }

  clear(): void {
    this.consents.clear();
  }
}
