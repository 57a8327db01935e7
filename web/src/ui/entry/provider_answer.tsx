// Where a provider sends people back to.
import { useEffect } from "preact/hooks";
import { client } from "../../store/client";
import type { CommandError } from "../../store/failure";
import type { ProviderAnswer as Answer } from "../../store/location";
import { useAction } from "../action_state";
import { FormError } from "../form_error";
import { PlaceButton } from "../place_button";
import { say } from "../settings/notice";
import { Welcome } from "../welcome";

const CLOSED = "Nobody here has this account, and new accounts are made by an administrator.";
const NOT_BELIEVED = "The answer came too late, or did not hold. Please begin anew.";
const NOT_PROVED = "This did not show anew that it is you. Signing out and in again does as well.";
const PROVED = "It is you. Now make the change once more.";

function explain(error: CommandError | null): string | undefined {
  if (error?.details.reason === "registration_closed") return CLOSED;
  if (error?.code === "mfa_failed") return NOT_PROVED;
  return error?.code === "unauthenticated" ? NOT_BELIEVED : undefined;
}

export function ProviderAnswer({ answer }: { answer: Answer }) {
  const isStarting = client.account.phase.value === "starting";
  const { error, run } = useAction(async () => {
    if ((await client.oidc.finish(answer)) === "prove") say(PROVED);
  });
  // Not while a cookie is being tried: of two logins that begin at once, either may be the one that stays.
  useEffect(() => {
    if (!isStarting) run();
  }, [isStarting]);
  if (!error) {
    return <Welcome key="waiting" title="Signing in"><p role="status"><span class="spinner" /> One moment…</p></Welcome>;
  }
  const isSignedIn = client.account.phase.value === "signed_in";
  return (
    <Welcome key="failed" title="That did not work">
      <FormError error={error} text={explain(error)} />
      <p class="welcome-switch">
        <PlaceButton place="app">{isSignedIn ? "Open ChatCraft" : "Back to signing in"}</PlaceButton>
      </p>
    </Welcome>
  );
}
