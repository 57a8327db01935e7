// The auth service as one user sees it, in memory: factors, logins, bots and tokens, and whether a proof is due.
import type { Api } from "../src/net/api";
import { CommandError } from "../src/net/errors";
import type { ApiToken, Factors, LoginSession, User } from "../src/net/contract.gen";

const AT = "2026-01-31T12:00:00.000Z";
export const CODES = ["aaaa-bbbb", "cccc-dddd"];

type Data = Record<string, unknown>;

export class FakeAccount implements Api {
  readonly asked: string[] = [];
  readonly factors: Factors = { has_password: true, totp_since_at: null, recovery_codes_left: 0, passkeys: [] };
  logins: LoginSession[] = [login("old", "2026-01-01T00:00:00.000Z"), login("newer", AT), login("this", AT, true)];
  bots: User[] = [];
  readonly tokens = new Map<string, ApiToken[]>();
  /** The error of the next command, whatever it is. */
  failure: CommandError | null = null;

  call = ((op: string, data: Data): Promise<unknown> => {
    this.asked.push(op);
    const { failure } = this;
    this.failure = null;
    if (failure) return Promise.reject(failure);
    const answer = this.answers[op];
    return answer ? Promise.resolve(answer(data)) : Promise.reject(new CommandError("unknown_op", op));
  }) as Api["call"];

  private readonly answers: Record<string, (data: Data) => unknown> = {
    "factors.list": () => structuredClone(this.factors),
    "factors.begin_passkey": () => ({ challenge_id: "challenge", options: { challenge: "c" } }),
    "factors.add_passkey": ({ name, challenge_id, credential }) => {
      if (challenge_id !== "challenge" || !credential) throw new CommandError("invalid_input", "no such challenge");
      const passkey = { id: `key-${this.factors.passkeys.length}`, name: String(name), created_at: AT, last_used_at: null, backed_up: false };
      this.factors.passkeys.push(passkey);
      return passkey;
    },
    "factors.rename_passkey": ({ passkey_id, name }) => {
      const passkey = this.factors.passkeys.find(({ id }) => id === passkey_id)!;
      passkey.name = String(name);
      return passkey;
    },
    "factors.remove_passkey": ({ passkey_id }) => {
      const index = this.factors.passkeys.findIndex(({ id }) => id === passkey_id);
      this.factors.passkeys.splice(index, 1);
      return {};
    },
    "factors.begin_totp": () => ({ secret: "SECRET", otpauth_url: "otpauth://totp/x", qr_svg: "<svg/>" }),
    "factors.confirm_totp": ({ code }) => {
      if (code !== "123456") throw new CommandError("mfa_failed", "the code is wrong");
      Object.assign(this.factors, { totp_since_at: AT, recovery_codes_left: CODES.length });
      return { recovery_codes: CODES };
    },
    "factors.renew_recovery_codes": () => ({ recovery_codes: [...CODES].reverse() }),
    "factors.remove_totp": () => {
      Object.assign(this.factors, { totp_since_at: null, recovery_codes_left: 0 });
      return {};
    },
    "auth.list_logins": () => ({ logins: [...this.logins] }),
    "auth.revoke_login": ({ login_id }) => {
      this.logins = this.logins.filter(({ id }) => id !== login_id);
      return {};
    },
    "auth.revoke_other_logins": () => {
      const count = this.logins.length - 1;
      this.logins = this.logins.filter(({ current }) => current);
      return { count };
    },
    "bots.list": () => ({ bots: [...this.bots] }),
    "bots.create": ({ username, display_name }) => {
      const bot = { id: `bot-${username}`, username, display_name } as unknown as User;
      this.bots.push(bot);
      return bot;
    },
    "bots.delete": ({ bot_id }) => {
      this.bots = this.bots.filter(({ id }) => id !== bot_id);
      return {};
    },
    "tokens.list": () => ({ tokens: this.#tokensOf("me") }),
    "tokens.create": (wish) => this.#mint("me", wish),
    "tokens.revoke": ({ token_id }) => this.#revoke("me", token_id),
    "bots.list_tokens": ({ bot_id }) => ({ tokens: this.#tokensOf(String(bot_id)) }),
    "bots.create_token": ({ bot_id, ...wish }) => this.#mint(String(bot_id), wish),
    "bots.revoke_token": ({ bot_id, token_id }) => this.#revoke(String(bot_id), token_id),
  };

  #tokensOf(userId: string): ApiToken[] {
    return [...(this.tokens.get(userId) ?? [])];
  }

  #mint(userId: string, { name, scopes }: Data): unknown {
    const held = this.#tokensOf(userId);
    const token = { id: `token-${held.length}`, user_id: userId, name, scopes, created_at: AT, last_used_at: null, expires_at: null };
    this.tokens.set(userId, [...held, token as ApiToken]);
    return { ...token, token: "cct_secret" };
  }

  #revoke(userId: string, tokenId: unknown): unknown {
    this.tokens.set(userId, this.#tokensOf(userId).filter(({ id }) => id !== tokenId));
    return {};
  }
}

function login(id: string, last_used_at: string, current = false): LoginSession {
  return { id, created_at: AT, last_used_at, address: "192.0.2.1", user_agent: null, current };
}
