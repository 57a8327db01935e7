// Passkeys as the browser makes and uses them. Takes the server's options as they came, gives what it reads back.
// Knows no command and no store.
import type { PasskeyAssertion, PasskeyAttestation } from "./contract.gen";
import { CommandError } from "./errors";

/** `refused`: by the person, by their device, or by waiting too long; browsers do not say which. */
export type PasskeyTrouble = "refused" | "not_supported" | "not_this_origin" | "already_there";

type Options = Record<string, unknown>;

const TEXTS: Record<PasskeyTrouble, string> = {
  refused: "The passkey was not used: it was cancelled, took too long, or your device did not recognise you.",
  not_supported: "This browser or device cannot do what a passkey here needs.",
  not_this_origin:
    "Passkeys do not work at this address. Open ChatCraft by the address that its operator gave you, over https.",
  already_there: "This device has a passkey for your account already.",
};

export class PasskeyError extends CommandError {
  constructor(readonly trouble: PasskeyTrouble) {
    super("no_passkey", TEXTS[trouble]);
  }
}

/** Whether it is worth offering: the rest shows itself when one is made. */
export function canPasskeys(): boolean {
  return typeof PublicKeyCredential === "function" && "parseCreationOptionsFromJSON" in PublicKeyCredential;
}

/** Let the person make a passkey. Raises PasskeyError. */
export async function makePasskey(options: Options): Promise<PasskeyAttestation> {
  return ask<PasskeyAttestation>(() => {
    const json = options as unknown as PublicKeyCredentialCreationOptionsJSON;
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json) });
  });
}

/**
 * Let the person sign by a passkey. Raises PasskeyError; an abort by `how.signal` is `refused`.
 * `how` may ask for the browser's own list beside a field (`mediation: "conditional"`).
 */
export async function provePasskey(
  options: Options,
  how: { mediation?: CredentialMediationRequirement; signal?: AbortSignal } = {},
): Promise<PasskeyAssertion> {
  return ask<PasskeyAssertion>(() => {
    const json = options as unknown as PublicKeyCredentialRequestOptionsJSON;
    return navigator.credentials.get({ ...how, publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json) });
  });
}

async function ask<T>(run: () => Promise<Credential | null>): Promise<T> {
  if (!canPasskeys()) throw new PasskeyError(isSecureContext ? "not_supported" : "not_this_origin");
  let credential: Credential | null;
  try {
    credential = await run();
  } catch (error) {
    throw new PasskeyError(troubleOf(error));
  }
  if (credential === null) throw new PasskeyError("refused");
  return (credential as PublicKeyCredential).toJSON() as T;
}

function troubleOf(error: unknown): PasskeyTrouble {
  switch (error instanceof DOMException ? error.name : "") {
    case "SecurityError":
      return "not_this_origin";
    case "InvalidStateError":
      return "already_there";
    case "NotAllowedError":
    case "AbortError":
      return "refused";
    default:
      return "not_supported";
  }
}
