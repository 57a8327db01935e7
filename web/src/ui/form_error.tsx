// The error of a whole form, spoken when it appears.
import type { CommandError } from "../store/failure";
import { explain } from "./action_state";
import { Icon } from "./icon";

export function FormError({ error, fields = [] }: { error: CommandError | null; fields?: readonly string[] }) {
  const text = error && explain(error, fields);
  return (
    <div role="alert" class="form-alert">
      {text && (
        <p class="form-error">
          <Icon name="alert" size={16} /> {text}
        </p>
      )}
    </div>
  );
}
