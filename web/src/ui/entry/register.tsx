// The page for making an account, as far as the deployment lets people.
import { useEffect } from "preact/hooks";
import { client } from "../../store/client";
import type { Policy } from "../../store/failure";
import { FormError } from "../form_error";
import { PlaceButton } from "../place_button";
import { Welcome } from "../welcome";
import { MailSent } from "./mail_sent";
import { RegisterForm } from "./register_form";
import { RegisterNewcomer } from "./register_newcomer";

export function Register() {
  const { policy, policyError, mailedTo } = client.registering;
  useEffect(
    () => () => {
      mailedTo.value = null;
      client.oidc.forget();
    },
    [],
  );
  if (mailedTo.value !== null) return <WaitForMail to={mailedTo.value} />;
  const loaded = policy.value;
  return (
    <Welcome key={loaded ? "form" : "waiting"} title="Create an account">
      {loaded ? <Form policy={loaded} /> : policyError.value ? <Unreachable /> : <p role="status">One moment…</p>}
      <p class="welcome-switch">Already have an account? <PlaceButton place="app">Sign in</PlaceButton></p>
    </Welcome>
  );
}

function Form({ policy }: { policy: Policy }) {
  const newcomer = client.oidc.newcomer.value;
  if (newcomer) return <RegisterNewcomer policy={policy} newcomer={newcomer} />;
  if (policy.registration !== "closed") return <RegisterForm policy={policy} />;
  return <p class="welcome-text">Nobody can register here. Ask an administrator of this server for an account.</p>;
}

function Unreachable() {
  return (
    <>
      <FormError error={client.registering.policyError.value} />
      <button type="button" class="button" onClick={() => void client.registering.loadPolicy()}>Try again</button>
    </>
  );
}

function WaitForMail({ to }: { to: string }) {
  return (
    <Welcome key="mailed" title="Look into your mail">
      <MailSent to={to} text="Your account is made. Follow the link in the mail that we sent there, then sign in." />
      <p class="welcome-switch">
        <PlaceButton place="resend_verification">Send it again</PlaceButton> ·{" "}
        <PlaceButton place="app">Sign in</PlaceButton>
      </p>
    </Welcome>
  );
}
