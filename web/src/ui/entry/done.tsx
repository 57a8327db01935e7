// The end of what a mailed link was for.
import { client } from "../../store/client";
import { PlaceButton } from "../place_button";
import { Welcome } from "../welcome";

export function Done({ title, text }: { title: string; text: string }) {
  const isSignedIn = client.account.phase.value === "signed_in";
  return (
    <Welcome key="done" title={title}>
      <p class="welcome-text">{text}</p>
      <p class="welcome-switch"><PlaceButton place="app">{isSignedIn ? "Open ChatCraft" : "Sign in"}</PlaceButton></p>
    </Welcome>
  );
}
