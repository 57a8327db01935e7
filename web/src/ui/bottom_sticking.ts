// Keeps a timeline at its bottom while the reader is there, leaves it alone otherwise, and tells the read marks.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { client } from "../store/client";
import type { Row } from "../store/rows";

const SLACK_PX = 24;
// Growing content scrolls, too, and less room takes the bottom away: only what moves up, and that after an input or long
// after our own scrolling, is the reader's.
const INTENT_MS = 1_000;
const OWN_SCROLL_MS = 500;
const ROUNDING_PX = 2;
// The list guesses heights until it has measured them: it shows itself once a frame has changed nothing, or so many
// have gone by.
const SETTLE_FRAMES_MAX = 8;
const INPUTS = ["wheel", "touchmove", "keydown", "pointerdown"] as const;

export interface BottomSticking {
  isAtBottom: boolean;
  /** The first messages are measured and in place: from here on nothing jumps. */
  isSettled: boolean;
  /** Messages that arrived below since the reader scrolled up. */
  newCount: number;
  /** How far the page reaches above the screen, once the list has come to rest. */
  pixelsAbove: () => number;
  onScroll: () => void;
  jump: () => void;
}

export function useBottomSticking(
  roomId: string,
  rows: readonly Row[],
  scroller: RefObject<HTMLDivElement | null>,
): BottomSticking {
  const [isAtBottom, setAtBottom] = useState(true);
  const isSticking = useRef(true);
  const lastSeenSeq = useRef(0);
  const newest = newestSeq(rows);
  if (isAtBottom) lastSeenSeq.current = newest;
  const isOwnLast = rows.at(-1)?.kind === "pending";

  // Never yet: the clock counts from the load of the page, which may be a moment ago.
  const intentAtMs = useRef(Number.NEGATIVE_INFINITY);
  const stuckAtMs = useRef(0);
  const stuckTop = useRef(0);

  const stick = (): void => {
    const element = scroller.current;
    if (!element) return;
    stuckAtMs.current = performance.now();
    // Not the list's own scrolling: it tries again for a while, against the reader's wheel. Whatever is measured
    // later makes the content grow, and the observer below sticks again.
    element.scrollTop = element.scrollHeight;
    stuckTop.current = element.scrollTop;
  };
  const change = (next: boolean): void => {
    isSticking.current = next;
    setAtBottom(next);
    client.reading.onBottom(roomId, next);
  };
  const onScroll = (): void => {
    const element = scroller.current;
    if (!element) return;
    const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
    const next = distance <= SLACK_PX;
    if (next === isSticking.current) return;
    const now = performance.now();
    const hasMovedUp = element.scrollTop < stuckTop.current - ROUNDING_PX;
    const isReaders = now - intentAtMs.current < INTENT_MS || now - stuckAtMs.current > OWN_SCROLL_MS;
    if (next || (hasMovedUp && isReaders)) change(next);
    else stick();
  };
  const pixelsAbove = (): number => {
    const element = scroller.current;
    if (!element) return Number.POSITIVE_INFINITY;
    const { scrollTop, scrollHeight, clientHeight } = element;
    return isSticking.current ? scrollHeight - clientHeight : scrollTop;
  };

  useLayoutEffect(() => {
    // One's own message is always brought into view.
    if (isOwnLast && !isSticking.current) change(true);
    if (isSticking.current) stick();
  }, [rows]);
  useEffect(() => {
    if (isSticking.current) client.reading.onBottom(roomId, true);
  }, [newest]);
  useEffect(() => {
    const observer = new ResizeObserver(() => isSticking.current && stick());
    const element = scroller.current!;
    observer.observe(element);
    observer.observe(element.lastElementChild!);
    const onInput = (): void => void (intentAtMs.current = performance.now());
    for (const input of INPUTS) element.addEventListener(input, onInput, { passive: true });
    return () => {
      observer.disconnect();
      for (const input of INPUTS) element.removeEventListener(input, onInput);
      client.reading.onBottom(roomId, false);
    };
  }, []);
  const isSettled = useSettled(scroller);
  const jump = (): void => {
    change(true);
    stick();
  };
  return { isAtBottom, isSettled, newCount: countNew(rows, lastSeenSeq.current), pixelsAbove, onScroll, jump };
}

function useSettled(scroller: RefObject<HTMLDivElement | null>): boolean {
  const [isSettled, setSettled] = useState(false);
  useLayoutEffect(() => {
    let [frames, heightPx] = [0, -1];
    const look = (): void => {
      const nowPx = scroller.current?.scrollHeight ?? 0;
      frames += 1;
      if (nowPx === heightPx || frames === SETTLE_FRAMES_MAX) setSettled(true);
      else request = requestAnimationFrame(look);
      heightPx = nowPx;
    };
    let request = requestAnimationFrame(look);
    return () => cancelAnimationFrame(request);
  }, []);
  return isSettled;
}

function newestSeq(rows: readonly Row[]): number {
  for (let index = rows.length - 1; index >= 0; index -= 1) {
    const row = rows[index]!;
    if (row.kind === "message") return row.message!.seq;
  }
  return 0;
}

function countNew(rows: readonly Row[], afterSeq: number): number {
  return rows.filter((row) => row.kind === "message" && row.message!.seq > afterSeq).length;
}
