// Arrow keys through the messages: one of them is in the tab order, and stays mounted while it has the focus.
import type { RefObject } from "preact";
import { useRef, useState } from "preact/hooks";
import type { VirtualizerHandle } from "virtua";
import type { Row } from "../store/rows";

export interface RovingFocus {
  tabStop: string | undefined;
  keepMounted: number[];
  moveTo: (index: number) => void;
  onKeyDown: (event: KeyboardEvent) => void;
  onFocusIn: (event: FocusEvent) => void;
}

export function useRovingFocus(rows: readonly Row[], list: RefObject<VirtualizerHandle | null>): RovingFocus {
  const [active, setActive] = useState<string | undefined>(undefined);
  const wanted = useRef<string | undefined>(undefined);
  const activeIndex = rows.findIndex((row) => row.key === active);
  const tabStop = activeIndex >= 0 ? active : rows.at(-1)?.key;

  const moveTo = (index: number): void => {
    // The beginning of the room is no message: nothing there takes the focus.
    const first = rows[0]?.kind === "start" ? 1 : 0;
    const row = rows[Math.max(first, Math.min(rows.length - 1, index))];
    if (!row) return;
    wanted.current = row.key;
    setActive(row.key);
    list.current?.scrollToIndex(rows.indexOf(row), { align: "nearest" });
    focusWhenMounted(row.key, wanted);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    const isRow = target.matches(".message");
    if (event.key === "Escape") {
      const row = target.closest<HTMLElement>(".message");
      (isRow ? document.querySelector<HTMLElement>("#composer-text") : row)?.focus();
    } else if (isRow && event.key === "Enter") {
      target.querySelector<HTMLElement>(".message-actions button, .message-failure button")?.focus();
      event.preventDefault();
    } else if (isRow) {
      const current = rows.findIndex((row) => row.key === target.dataset.key);
      const next = nextIndex(event.key, current, rows.length);
      if (next === null) return;
      event.preventDefault();
      moveTo(next);
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") moveBetweenActions(event, target);
  };
  const onFocusIn = (event: FocusEvent): void => {
    const key = (event.target as HTMLElement).closest<HTMLElement>(".message")?.dataset.key;
    if (key !== undefined && key !== active) setActive(key);
  };
  return { tabStop, keepMounted: activeIndex >= 0 ? [activeIndex] : [], moveTo, onKeyDown, onFocusIn };
}

function nextIndex(key: string, current: number, count: number): number | null {
  switch (key) {
    case "ArrowUp":
      return current - 1;
    case "ArrowDown":
      return current + 1;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

function moveBetweenActions(event: KeyboardEvent, target: HTMLElement): void {
  const buttons = [...(target.closest(".message-actions")?.querySelectorAll<HTMLElement>("button") ?? [])];
  const isForward = (event.key === "ArrowRight") === (getComputedStyle(target).direction === "ltr");
  buttons[(buttons.indexOf(target) + (isForward ? 1 : -1) + buttons.length) % buttons.length]?.focus();
}

/** A row that was far away is mounted some frames after the list has scrolled to it. */
function focusWhenMounted(key: string, wanted: { current: string | undefined }, framesLeft = 20): void {
  if (wanted.current !== key || framesLeft === 0) return;
  const element = document.querySelector<HTMLElement>(`.message[data-key="${key}"]`);
  if (element) element.focus({ preventScroll: true });
  else requestAnimationFrame(() => focusWhenMounted(key, wanted, framesLeft - 1));
}
