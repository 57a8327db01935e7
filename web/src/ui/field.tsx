// A labelled input with its hint and its error, tied together for screen readers.
import { useId, useLayoutEffect, useRef } from "preact/hooks";

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  error?: string | undefined;
  hint?: string | undefined;
  type?: "text" | "password" | "email";
  inputMode?: "numeric";
  name?: string;
  autoComplete?: string;
  isRequired?: boolean;
  maxLength?: number;
  hasFocus?: boolean;
}

export function Field(props: FieldProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  // The attribute counts once in the life of a page, and this may be its second form.
  useLayoutEffect(() => {
    if (props.hasFocus) input.current!.focus();
  }, []);
  const notes = [props.hint && `${id}-hint`, props.error && `${id}-error`].filter(Boolean).join(" ");
  const attributes = {
    ref: input,
    id,
    value: props.value,
    autocomplete: props.autoComplete ?? "off",
    required: props.isRequired ?? false,
    autofocus: props.hasFocus ?? false,
    autocapitalize: "none",
    spellcheck: false,
    dir: "auto",
    ...(props.name && { name: props.name }),
    ...(props.inputMode && { inputMode: props.inputMode }),
    ...(props.maxLength && { maxLength: props.maxLength }),
    ...(props.error && { "aria-invalid": true }),
    ...(notes && { "aria-describedby": notes }),
    onInput: (event: { currentTarget: HTMLInputElement }) => props.onInput(event.currentTarget.value),
  } as const;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.type === "password" ? (
        <input type="password" {...attributes} />
      ) : props.type === "email" ? (
        <input type="email" {...attributes} />
      ) : (
        <input type="text" {...attributes} />
      )}
      {props.hint && <p id={`${id}-hint`} class="field-hint">{props.hint}</p>}
      {props.error && <p id={`${id}-error`} class="field-error">{props.error}</p>}
    </div>
  );
}
