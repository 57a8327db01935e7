// A mailed link that is no good any more, and the way to a new one.
import type { CommandError } from "../../store/failure";
import type { Place } from "../../store/location";
import { client } from "../../store/client";
import { PlaceButton } from "../place_button";

export function isLinkSpent(error: CommandError | null): boolean {
  return error?.details.reason === "link";
}

export function LinkSpent({ again }: { again: Place }) {
  const isSignedIn = client.account.phase.value === "signed_in";
  return (
    <>
      <p class="welcome-text" role="alert">
        This link does not work: it was used already, is too old, or is not all there. Open it from the mail once more, or
        ask for another.
      </p>
      <p class="welcome-switch">
        {isSignedIn || <><PlaceButton place={again}>Ask for another link</PlaceButton> · </>}
        <PlaceButton place="app">{isSignedIn ? "Open ChatCraft" : "Sign in"}</PlaceButton>
      </p>
    </>
  );
}
