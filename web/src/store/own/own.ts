// The stores of our own account, as the settings show them. Loaded with the settings, not with the first page.
import { client, type Client } from "../client";
import { BotStore } from "./bots";
import { ContactStore } from "./contact";
import { FactorStore } from "./factors";
import { IdentityStore } from "./identities";
import { LoginStore } from "./logins";
import { PrivacyStore } from "./privacy";

export class Own {
  readonly contact: ContactStore;
  readonly factors: FactorStore;
  readonly identities: IdentityStore;
  readonly logins: LoginStore;
  readonly bots: BotStore;
  readonly privacy: PrivacyStore;

  constructor(client: Client) {
    const { api, account, farewell } = client;
    this.contact = new ContactStore(api, account);
    this.factors = new FactorStore(api);
    this.identities = new IdentityStore(api);
    this.logins = new LoginStore(api);
    this.bots = new BotStore(api);
    this.privacy = new PrivacyStore(api, farewell);
    client.onForget.add(() => this.clear());
    client.onExportReady = (ready) => this.privacy.onExport(ready);
  }

  /** Nothing of one user is shown to the next. */
  clear(): void {
    for (const store of [this.contact, this.factors, this.identities, this.logins, this.bots, this.privacy]) store.clear();
  }
}

export const own = new Own(client);
