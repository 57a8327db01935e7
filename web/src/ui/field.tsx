// A labelled input with its hint and its error, tied together for screen readers.
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  error?: string | undefined;
  hint?: string;
  type?: "text" | "password";
  name?: string;
  autoComplete?: string;
  isRequired?: boolean;
  maxLength?: number;
  hasFocus?: boolean;
}

export function Field(props: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = props.error ?? props.hint;
  const attributes = {
    id,
    value: props.value,
    autocomplete: props.autoComplete ?? "off",
    required: props.isRequired ?? false,
    autofocus: props.hasFocus ?? false,
    autocapitalize: "none",
    spellcheck: false,
    dir: "auto",
    ...(props.name && { name: props.name }),
    ...(props.maxLength && { maxLength: props.maxLength }),
    ...(props.error && { "aria-invalid": true }),
    ...(note && { "aria-describedby": noteId }),
    onInput: (event: { currentTarget: HTMLInputElement }) => props.onInput(event.currentTarget.value),
  } as const;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.type === "password" ? <input type="password" {...attributes} /> : <input type="text" {...attributes} />}
      {note && (
        <p id={noteId} class={props.error ? "field-error" : "field-hint"}>
          {note}
        </p>
      )}
    </div>
  );
}
