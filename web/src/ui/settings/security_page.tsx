// By what we sign in: passkeys, codes of an app, recovery codes, accounts elsewhere.
import { own } from "../../store/own/own";
import { IdentitiesPanel } from "./identities";
import { Loaded } from "./panel";
import { PasskeysPanel } from "./passkeys";
import { RecoveryCodes } from "./recovery_codes";
import { TotpPanel } from "./totp";

export function SecurityPage() {
  const codes = own.factors.codes.value;
  return (
    <>
      {codes && <RecoveryCodes codes={codes} />}
      <Loaded of={own.factors.factors}>
        {(factors) => (
          <>
            <PasskeysPanel passkeys={factors.passkeys} />
            <TotpPanel sinceAt={factors.totp_since_at} codesLeft={factors.recovery_codes_left} />
          </>
        )}
      </Loaded>
      <Loaded of={own.contact.policy}>{({ providers }) => providers.length > 0 && <IdentitiesPanel providers={providers} />}</Loaded>
    </>
  );
}
