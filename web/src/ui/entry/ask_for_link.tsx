// Asking for a link by mail: to set a forgotten password anew, or to confirm an address. The answer is the same
// whether anybody has that address or not.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { client } from "../../store/client";
import { useAction } from "../action_state";
import { Field } from "../field";
import { Form } from "../form";
import { PlaceButton } from "../place_button";
import { sayProblem } from "../problem_text";
import { Welcome } from "../welcome";
import { MailSent } from "./mail_sent";

interface AskProps {
  title: string;
  intro: string;
  sent: string;
  ask: (email: string) => Promise<void>;
}

export function ForgottenPassword() {
  return (
    <AskForLink
      title="Forgot your password?"
      intro="Give the e-mail address of your account. We send a link with which you choose a new password."
      sent="If an account has this address, a link is on its way there. It works once, for 30 minutes."
      ask={(email) => client.mailedLinks.askForReset(email)}
    />
  );
}

export function ResendVerification() {
  return (
    <AskForLink
      title="Confirm your address"
      intro="Give the e-mail address of your account. We send the link that confirms it once more."
      sent="If an account waits for this address to be confirmed, a link is on its way there. It works once, for 24 hours."
      ask={(email) => client.mailedLinks.askForVerification(email)}
    />
  );
}

function AskForLink({ title, intro, sent, ask }: AskProps) {
  const [email, setEmail] = useState("");
  const [isSent, setSent] = useState(false);
  const action = useAction(async () => {
    await ask(email.trim());
    setSent(true);
  });
  return (
    <Welcome key={isSent ? "sent" : "ask"} title={isSent ? "Look into your mail" : title}>
      {isSent ? (
        <MailSent to={email.trim()} text={sent} />
      ) : (
        <>
          <p class="welcome-text">{intro}</p>
          <Form action={action} label="Send the link" busyLabel="Sending…" fields={["email"]}>
            <Field
              label="E-mail address"
              type="email"
              name="email"
              autoComplete="email"
              value={email}
              onInput={setEmail}
              error={sayProblem(action.error, "email")}
              isRequired
              hasFocus
            />
          </Form>
        </>
      )}
      <BackToSignIn />
    </Welcome>
  );
}

export function BackToSignIn({ children = "Sign in" }: { children?: ComponentChildren }) {
  return <p class="welcome-switch"><PlaceButton place="app">{children}</PlaceButton></p>;
}
