// A form with one action: its fields, what went wrong with the whole of it, and the button.
import type { ComponentChildren } from "preact";
import type { Action } from "./action_state";
import { FormError } from "./form_error";

interface FormProps {
  action: Action;
  /** What the button says, and what while it is busy. */
  label: string;
  busyLabel: string;
  /** Whose problems stand beside them. */
  fields?: readonly string[];
  /** In other words than the server's. */
  error?: string | null | undefined;
  children?: ComponentChildren;
}

export function Form({ action, label, busyLabel, fields = [], error, children }: FormProps) {
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        action.run();
      }}
    >
      {children}
      <FormError error={action.error} fields={fields} text={error} />
      <button type="submit" class="button button-primary" aria-disabled={action.isBusy}>
        {action.isBusy ? busyLabel : label}
      </button>
    </form>
  );
}
