// Signing in at a provider (OpenID Connect): the way there and back. What has to survive it is kept in this tab alone,
// for one answer.
import { signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { OidcBegun, OidcReply, Provider, RegisterOidc, Suggestion } from "../net/contract.gen";
import { asCommandError, CommandError } from "../net/errors";
import type { Account } from "./account";
import type { Arrival } from "./arrival";
import type { PageLocation, ProviderAnswer } from "./location";
import type { Registering } from "./registering";
import type { SigningIn } from "./signing_in";
import { read, write } from "./visit";

type Purpose = "sign_in" | "add" | "prove";

interface Journey {
  readonly purpose: Purpose;
  readonly state: string;
  readonly binding: string;
  readonly provider: string;
  /** Where we were. */
  readonly path: string;
}

export interface Newcomer {
  readonly token: string;
  readonly provider: string;
  readonly suggested: Suggestion;
}

interface Stores {
  readonly account: Pick<Account, "adopt" | "notice">;
  readonly arrival: Arrival;
  readonly place: PageLocation;
  readonly registering: Registering;
  readonly signingIn: SigningIn;
}

const JOURNEY = "journey";
const FOREIGN = "This was not begun in this tab, or it is over. Please begin anew.";

export class Oidc {
  /** Somebody whom a provider knows and who has no account here yet. */
  readonly newcomer = signal<Newcomer | null>(null);

  constructor(
    private readonly api: Api,
    private readonly stores: Stores,
    private readonly go: (url: string) => void = (url) => location.assign(url),
  ) {}

  /** Leaves for the provider's page. Raises CommandError. */
  async begin({ id, name }: Provider): Promise<void> {
    this.#leave("sign_in", name, await this.api.call("auth.begin_oidc", { provider_id: id }));
  }

  /** The same for somebody who is signed in, and can sign in by it from then on. Raises CommandError. */
  async beginAdding({ id, name }: Provider): Promise<void> {
    this.#leave("add", name, await this.api.call("identities.begin", { provider_id: id }));
  }

  /** The same for somebody who is to show once more that it is them. Raises CommandError. */
  async beginProving({ id, name }: Provider): Promise<void> {
    this.#leave("prove", name, await this.api.call("auth.begin_step_up", { provider_id: id }));
  }

  /** Back from there: go on to whatever follows. Returns what the journey was for. Raises CommandError. */
  async finish(answer: ProviderAnswer): Promise<Purpose> {
    const journey = takeJourney();
    // Not every provider gives the state back with a refusal, and nothing follows from one.
    if (journey && answer.error !== null) throw new CommandError("forbidden", `${journey.provider} did not sign you in.`);
    if (journey?.state !== answer.state || answer.code === null) throw new CommandError("forbidden", FOREIGN);
    const { state, binding } = journey;
    const proof = { state, binding, code: answer.code, iss: answer.iss };
    if (journey.purpose === "sign_in") {
      this.#goOn(journey, await this.api.call("auth.finish_oidc", proof));
    } else {
      if (journey.purpose === "add") await this.api.call("identities.add", proof);
      else await this.api.call("auth.step_up", { provider: proof });
      this.stores.place.replace(journey.path);
    }
    return journey.purpose;
  }

  /** Raises CommandError. */
  async register(request: Omit<RegisterOidc, "registration_token">): Promise<void> {
    const newcomer = this.newcomer.peek();
    if (!newcomer) throw new CommandError("forbidden", FOREIGN);
    const { registering, place, account } = this.stores;
    try {
      const { tokens } = await this.api.call("auth.register_oidc", { registration_token: newcomer.token, ...request });
      this.newcomer.value = null;
      place.keepInvitation(null);
      account.adopt(tokens);
    } catch (error) {
      await registering.onRefused(asCommandError(error), newcomer.suggested.email);
    }
  }

  /** Rather sign in by other ways. */
  forget(): void {
    this.newcomer.value = null;
  }

  #leave(purpose: Purpose, provider: string, { authorization_url, state, binding }: OidcBegun): void {
    const journey: Journey = { purpose, state, binding, provider, path: location.pathname };
    write(JOURNEY, JSON.stringify(journey));
    this.go(authorization_url);
  }

  #goOn({ provider, path }: Journey, reply: OidcReply): void {
    const { arrival, account, place, signingIn } = this.stores;
    if ("registration_token" in reply) {
      this.newcomer.value = { token: reply.registration_token, provider, suggested: reply.suggested };
      place.goTo("register");
      return;
    }
    place.replace(path);
    if ("link_token" in reply) {
      const { link_token: token, link_hint: email } = reply;
      arrival.link.value = { token, provider, email };
      account.notice.value = `An account here has the address ${email}. Sign in to it once more by your other ways; then you can connect ${provider} to it.`;
      return;
    }
    signingIn.take(reply);
  }
}

/** It is good for one answer, whatever that is. */
function takeJourney(): Journey | null {
  const kept = read(JOURNEY);
  write(JOURNEY, null);
  return kept === null ? null : (JSON.parse(kept) as Journey);
}
