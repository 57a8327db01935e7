// Copies a text, and says whether it did: browsers refuse it over plain http.
import { useState } from "preact/hooks";
import { Icon } from "../icon";

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<"new" | "done" | "refused">("new");
  const copy = (): void => {
    Promise.resolve(navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("not allowed here"))).then(
      () => setState("done"),
      () => setState("refused"),
    );
  };
  return (
    <>
      <button type="button" class="button" aria-label={`Copy ${what}`} onClick={copy}>
        <Icon name={state === "done" ? "check" : "copy"} size={18} /> Copy
      </button>
      <span role="status" class="panel-hint">
        {state === "done" ? "Copied." : state === "refused" ? "The browser does not allow it: select and copy it yourself." : ""}
      </span>
    </>
  );
}
