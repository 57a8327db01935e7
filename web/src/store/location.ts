// Which page an address means, and the way to another one. What is secret in an address leaves it as it is read: it
// would stay in the history, and in what people copy. Unknown paths are the program itself.
import { signal } from "@preact/signals";
import { read, write } from "./visit";

export interface ProviderAnswer {
  readonly state: string | null;
  readonly code: string | null;
  readonly iss: string | null;
  readonly error: string | null;
}

export type Page =
  | { kind: "app" }
  | { kind: "register" }
  | { kind: "forgotten_password" }
  | { kind: "resend_verification" }
  | { kind: "verify_email"; token: string | null }
  | { kind: "reset_password"; token: string | null }
  | { kind: "provider_answer"; answer: ProviderAnswer };

/** Pages that one goes to from here; the others come from outside, with something secret. */
const PATHS = {
  app: "/",
  register: "/register",
  forgotten_password: "/forgotten-password",
  resend_verification: "/resend-verification",
} as const;

export type Place = keyof typeof PATHS;

const INVITATION = "invitation";
const ONLY_FOR_STRANGERS = new Set<Page["kind"]>(["register", "forgotten_password", "resend_verification"]);

export function pageOf({ pathname, hash, searchParams }: URL): Page {
  const token = hash.slice(1) || null;
  switch (pathname) {
    case "/register":
    case "/join":
      return { kind: "register" };
    case "/forgotten-password":
      return { kind: "forgotten_password" };
    case "/resend-verification":
      return { kind: "resend_verification" };
    case "/verify-email":
      return { kind: "verify_email", token };
    case "/reset-password":
      return { kind: "reset_password", token };
    case "/oidc/callback":
      return { kind: "provider_answer", answer: answerOf(searchParams) };
    default:
      return { kind: "app" };
  }
}

export class PageLocation {
  readonly page = signal<Page>({ kind: "app" });
  /** What the link of an invitation brought. Kept for the visit: the way may lead over a provider's pages. */
  readonly invitation = signal<string | null>(read(INVITATION));

  start(): void {
    this.#follow();
    addEventListener("popstate", () => this.#follow());
    // A link that is pasted into this very tab changes the fragment alone.
    addEventListener("hashchange", () => this.#follow());
  }

  /** There is no way back to a page that was for one link or answer: it has served its purpose. */
  goTo(place: Place): void {
    const { kind } = this.page.peek();
    if (kind === place) return;
    history[kind in PATHS ? "pushState" : "replaceState"](null, "", PATHS[place]);
    this.page.value = { kind: place };
  }

  /** To the program, with no way back. */
  leave(): void {
    if (this.page.peek().kind === "app") return;
    history.replaceState(null, "", PATHS.app);
    this.page.value = { kind: "app" };
  }

  /** As if the address had been that from the start. */
  replace(path: string): void {
    history.replaceState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
  }

  /** Who is signed in has no use for some pages. */
  leaveIfForStrangers(): void {
    if (ONLY_FOR_STRANGERS.has(this.page.peek().kind)) this.leave();
  }

  keepInvitation(token: string | null): void {
    this.invitation.value = token;
    write(INVITATION, token);
  }

  #follow(): void {
    const url = new URL(location.href);
    const page = pageOf(url);
    if (url.pathname === "/join" && url.hash) this.keepInvitation(url.hash.slice(1));
    const isSecret = page.kind !== "app" && (url.hash !== "" || url.search !== "");
    if (isSecret) history.replaceState(null, "", url.pathname);
    this.page.value = page;
  }
}

function answerOf(query: URLSearchParams): ProviderAnswer {
  return { state: query.get("state"), code: query.get("code"), iss: query.get("iss"), error: query.get("error") };
}
