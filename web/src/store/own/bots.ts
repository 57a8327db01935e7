// Our bots, and the API tokens of them and of ourselves. Each method raises CommandError.
import { signal } from "@preact/signals";
import type { Api } from "../../net/api";
import type { ApiToken, NewToken, User } from "../../net/contract.gen";
import { Resource } from "./resource";

/** The id of a bot, or null: we ourselves. */
export type Holder = string | null;

export interface TokenWish {
  name: string;
  scopes: string[];
  /** Null: until it is revoked. */
  expires_in_days: number | null;
}

export class BotStore {
  readonly bots: Resource<User[]>;
  /** A token that the server shows this once, until the user has kept it. */
  readonly made = signal<{ holder: Holder; token: NewToken } | null>(null);
  readonly #tokens = new Map<Holder, Resource<ApiToken[]>>();

  constructor(private readonly api: Api) {
    this.bots = new Resource(async () => (await api.call("bots.list", {})).bots);
  }

  tokensOf(holder: Holder): Resource<ApiToken[]> {
    let held = this.#tokens.get(holder);
    if (!held) this.#tokens.set(holder, (held = new Resource(() => this.#listTokens(holder))));
    return held;
  }

  async createBot(username: string, displayName: string): Promise<void> {
    await this.api.call("bots.create", { username, display_name: displayName });
    await this.bots.load();
  }

  async renameBot(botId: string, displayName: string): Promise<void> {
    await this.api.call("bots.update", { bot_id: botId, display_name: displayName });
    await this.bots.load();
  }

  /** Its tokens end; what it wrote stays. */
  async deleteBot(botId: string): Promise<void> {
    await this.api.call("bots.delete", { bot_id: botId });
    this.#tokens.delete(botId);
    await this.bots.load();
  }

  async createToken(holder: Holder, wish: TokenWish): Promise<void> {
    const token = await (holder === null
      ? this.api.call("tokens.create", wish)
      : this.api.call("bots.create_token", { bot_id: holder, ...wish }));
    this.made.value = { holder, token };
    await this.tokensOf(holder).load();
  }

  async revokeToken(holder: Holder, tokenId: string): Promise<void> {
    await (holder === null
      ? this.api.call("tokens.revoke", { token_id: tokenId })
      : this.api.call("bots.revoke_token", { bot_id: holder, token_id: tokenId }));
    await this.tokensOf(holder).load();
  }

  forgetMade(): void {
    this.made.value = null;
  }

  clear(): void {
    this.bots.clear();
    this.made.value = null;
    this.#tokens.clear();
  }

  async #listTokens(holder: Holder): Promise<ApiToken[]> {
    const { tokens } = await (holder === null
      ? this.api.call("tokens.list", {})
      : this.api.call("bots.list_tokens", { bot_id: holder }));
    return tokens;
  }
}
