// One titled part of a section, and the states of what is loaded into it.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Resource } from "../../store/own/resource";
import { FormError } from "../form_error";

const WAIT_SHOWN_AFTER_MS = 200;

interface PanelProps {
  /** Where the focus goes when what had it is gone: see `focusPanel`. */
  id: string;
  title: string;
  hint?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel({ id, title, hint, children }: PanelProps) {
  return (
    <section class="panel" aria-labelledby={id}>
      <h3 id={id} tabIndex={-1}>{title}</h3>
      {hint && <p class="panel-hint">{hint}</p>}
      {children}
    </section>
  );
}

/** After the next change of the page, as what was removed still stands there now. */
export function focusPanel(id: string): void {
  requestAnimationFrame(() => document.getElementById(id)?.focus());
}

interface LoadedProps<T> {
  of: Resource<T>;
  children: (value: T) => ComponentChildren;
}

/** Loads each time it is shown; what was there before stands meanwhile. */
export function Loaded<T>({ of, children }: LoadedProps<T>) {
  useEffect(() => void of.load(), [of]);
  const value = of.value.value;
  const error = of.error.value;
  return (
    <>
      {error && (
        <div class="panel-failure">
          <FormError error={error} />
          <button type="button" class="button" onClick={() => void of.load()}>Try again</button>
        </div>
      )}
      {value !== null ? children(value) : !error && <Waiting />}
    </>
  );
}

function Waiting() {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), WAIT_SHOWN_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return <p class="panel-hint" aria-busy="true">{isShown ? "Loading…" : "\u00a0"}</p>;
}
