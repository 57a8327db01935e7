// Where the link of a mail leads that sets a forgotten password anew.
import { useState } from "preact/hooks";
import { client } from "../../store/client";
import { useAction } from "../action_state";
import { Field } from "../field";
import { Form } from "../form";
import { sayProblem } from "../problem_text";
import { Welcome } from "../welcome";
import { Done } from "./done";
import { isLinkSpent, LinkSpent } from "./link_spent";
import { passwordRules } from "./password_rules";

export function ResetPassword({ token }: { token: string | null }) {
  const policy = client.registering.policy.value;
  const [password, setPassword] = useState("");
  const [isDone, setDone] = useState(false);
  const action = useAction(async () => {
    await client.mailedLinks.resetPassword(token!, password);
    setDone(true);
  });
  if (token === null || isLinkSpent(action.error)) {
    return (
      <Welcome key="spent" title="Choose a new password">
        <LinkSpent again="forgotten_password" />
      </Welcome>
    );
  }
  if (isDone) return <Done title="Your password is new" text="It counts from now on, and all devices were signed out." />;
  return (
    <Welcome key="ask" title="Choose a new password">
      <Form action={action} label="Set the new password" busyLabel="Setting it…" fields={["password"]}>
        <Field
          label="New password"
          name="password"
          type="password"
          autoComplete="new-password"
          hint={passwordRules(policy)}
          value={password}
          onInput={setPassword}
          error={sayProblem(action.error, "password", "The password")}
          isRequired
          hasFocus
        />
      </Form>
      <p class="field-hint">All devices where you are signed in are signed out by it.</p>
    </Welcome>
  );
}
