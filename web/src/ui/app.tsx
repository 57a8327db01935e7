// The whole page: starting, a page for one link, signed out, or the program itself.
import { useEffect, useState } from "preact/hooks";
import { client } from "../store/client";
import { later } from "./later";
import { Shell } from "./shell";
import { SignIn } from "./sign_in";
import { Frame } from "./welcome";
import { WithPolicy } from "./with_policy";

// Shorter waits show nothing: a flash of a splash is worse than none.
const SPLASH_AFTER_MS = 200;

const VerifyEmail = later(async () => (await import("./entry/verify_email")).VerifyEmail, Frame);
const ResetPassword = later(async () => (await import("./entry/reset_password")).ResetPassword, Frame);
const Register = later(async () => (await import("./entry/register")).Register, Frame);
const ForgottenPassword = later(async () => (await import("./entry/ask_for_link")).ForgottenPassword, Frame);
const ResendVerification = later(async () => (await import("./entry/ask_for_link")).ResendVerification, Frame);
const ProviderAnswer = later(async () => (await import("./entry/provider_answer")).ProviderAnswer, Frame);
const ArrivalDialogs = later(async () => (await import("./entry/arrival")).ArrivalDialogs);

export function App() {
  const page = client.place.page.value;
  // Whoever is signed in or not: these are about one link, or one answer.
  if (page.kind === "verify_email") return <VerifyEmail key={page.token} token={page.token} />;
  if (page.kind === "reset_password") return <WithPolicy><ResetPassword key={page.token} token={page.token} /></WithPolicy>;
  if (page.kind === "provider_answer") return <ProviderAnswer answer={page.answer} />;
  switch (client.account.phase.value) {
    case "starting":
      return <Splash />;
    case "signed_out":
      return <WithPolicy><SignedOut /></WithPolicy>;
    case "signed_in":
      return (
        <>
          <Shell />
          {client.arrival.hasWords.value && <ArrivalDialogs />}
        </>
      );
  }
}

function SignedOut() {
  switch (client.place.page.value.kind) {
    case "register":
      return <Register />;
    case "forgotten_password":
      return <ForgottenPassword />;
    case "resend_verification":
      return <ResendVerification />;
    default:
      return <SignIn />;
  }
}

function Splash() {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SPLASH_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!isShown) return null;
  const text = client.account.isStuck.value ? "The server cannot be reached. Trying again…" : "Connecting…";
  return <Frame><p role="status">{text}</p></Frame>;
}
