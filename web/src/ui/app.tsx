// The whole page: starting, signed out, or the program itself.
import { useEffect, useState } from "preact/hooks";
import { client } from "../store/client";
import { later } from "./later";
import { Shell } from "./shell";
import { Brand, SignIn } from "./sign_in";

// Shorter waits show nothing: a flash of a splash is worse than none.
const SPLASH_AFTER_MS = 200;

const FarewellPage = later(async () => (await import("./settings/farewell_page")).FarewellPage);

export function App() {
  const receipt = client.farewell.receipt.value;
  // Whoever was just erased is signed out, and must see this first.
  if (receipt !== null) return <FarewellPage receipt={receipt} />;
  switch (client.account.phase.value) {
    case "starting":
      return <Splash />;
    case "signed_out":
      return <SignIn />;
    case "signed_in":
      return <Shell />;
  }
}

function Splash() {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SPLASH_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!isShown) return null;
  return (
    <main class="welcome" aria-busy="true">
      <div class="welcome-card">
        <Brand />
        <p role="status">{client.account.isStuck.value ? "The server cannot be reached. Trying again…" : "Connecting…"}</p>
      </div>
    </main>
  );
}
