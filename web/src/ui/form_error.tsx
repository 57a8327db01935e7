// The error of a whole form, spoken when it appears.
import type { CommandError } from "../store/failure";
import { explain } from "./action_state";
import { Icon } from "./icon";

interface FormErrorProps {
  error: CommandError | null;
  fields?: readonly string[];
  /** What to say instead of what the server said; null: nothing here. */
  text?: string | null | undefined;
}

export function FormError({ error, fields = [], text }: FormErrorProps) {
  const shown = error && (text === undefined ? explain(error, fields) : text);
  return (
    <div role="alert" class="form-alert">
      {shown && (
        <p class="form-error">
          <Icon name="alert" size={16} /> {shown}
        </p>
      )}
    </div>
  );
}
