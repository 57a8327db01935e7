// A button for what cannot be taken back: asks, does it, says so, and leaves the focus in a place that is still there.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ConfirmDialog } from "../confirm_dialog";
import { say } from "./notice";
import { focusPanel } from "./panel";

interface AskFirstProps {
  /** The whole name for screen readers, where the visible one needs its row to be understood. */
  name?: string;
  title: string;
  text: string;
  action: string;
  perform: () => Promise<unknown>;
  /** What is said afterwards, and the panel at whose head the focus then is. */
  done: string;
  home: string;
  children: ComponentChildren;
}

export function AskFirst({ name, title, text, action, perform, done, home, children }: AskFirstProps) {
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <button type="button" class="button" aria-label={name} onClick={() => setAsking(true)}>{children}</button>
      {isAsking && (
        <ConfirmDialog
          title={title}
          text={text}
          action={action}
          onClose={() => setAsking(false)}
          perform={async () => {
            await perform();
            say(done);
            focusPanel(home);
          }}
        />
      )}
    </>
  );
}
