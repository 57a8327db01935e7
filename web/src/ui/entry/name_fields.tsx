// How somebody new is called: the same for whoever registers, with a password or by a provider.
import type { CommandError } from "../../store/failure";
import { Field } from "../field";
import { sayProblem } from "../problem_text";

interface Props {
  username: string;
  setUsername: (username: string) => void;
  displayName: string;
  setDisplayName: (name: string) => void;
  error: CommandError | null;
  hasFocus: boolean;
}

export function NameFields({ username, setUsername, displayName, setDisplayName, error, hasFocus }: Props) {
  return (
    <>
      <Field
        label="User name"
        name="username"
        autoComplete="username"
        hint="3 to 32 letters, digits, dots, dashes or underscores."
        value={username}
        onInput={setUsername}
        error={sayProblem(error, "username", "This name")}
        isRequired
        hasFocus={hasFocus}
      />
      <Field
        label="Display name (optional)"
        name="name"
        autoComplete="name"
        value={displayName}
        onInput={setDisplayName}
        error={sayProblem(error, "display_name")}
        maxLength={64}
      />
    </>
  );
}
