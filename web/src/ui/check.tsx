// A box to tick, with what is wrong about it beside it.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface CheckProps {
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
  error?: string | undefined;
  children: ComponentChildren;
}

export function Check({ isChecked, onChange, error, children }: CheckProps) {
  const id = useId();
  const errorId = `${id}-error`;
  return (
    <div class="field">
      <div class="check">
        <input
          id={id}
          type="checkbox"
          required
          checked={isChecked}
          onChange={(event) => onChange(event.currentTarget.checked)}
          {...(error && { "aria-invalid": true, "aria-describedby": errorId })}
        />
        <label for={id}>{children}</label>
      </div>
      {error && <p id={errorId} class="field-error">{error}</p>}
    </div>
  );
}
