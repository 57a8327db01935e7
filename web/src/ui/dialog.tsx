// The one modal dialog: native, so that focus stays inside and returns to where it came from.
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "./icon";

interface DialogProps {
  title: string;
  /** What it asks, read aloud together with the title. */
  text?: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, text, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = element.current!;
    dialog.showModal();
    // Closed before it leaves the page: only then does the browser give the focus back.
    return () => dialog.close();
  }, []);
  const onBackdrop = (event: MouseEvent): void => {
    if (event.target === element.current && !isWithin(event, element.current!)) onClose();
  };
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-labelledby={titleId}
      aria-describedby={text && `${titleId}-text`}
      onMouseDown={onBackdrop}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-header">
          <h2 id={titleId}>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {text && <p id={`${titleId}-text`}>{text}</p>}
        {children}
      </div>
    </dialog>
  );
}

/** Its scroll bar belongs to it, as the backdrop does, but closes nothing. */
function isWithin({ clientX, clientY }: MouseEvent, element: HTMLElement): boolean {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
}
