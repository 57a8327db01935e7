// Keeps a timeline at its bottom while the reader is there, leaves it alone otherwise, and tells the read marks.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { VirtualizerHandle } from "virtua";
import { client } from "../store/client";
import type { Row } from "../store/rows";

const SLACK_PX = 24;

export interface BottomSticking {
  isAtBottom: boolean;
  /** Messages that arrived below since the reader scrolled up. */
  newCount: number;
  onScroll: () => void;
  jump: () => void;
}

export function useBottomSticking(
  roomId: string,
  rows: readonly Row[],
  list: RefObject<VirtualizerHandle | null>,
  scroller: RefObject<HTMLDivElement | null>,
): BottomSticking {
  const [isAtBottom, setAtBottom] = useState(true);
  const isSticking = useRef(true);
  const lastSeenSeq = useRef(0);
  const newest = newestSeq(rows);
  if (isAtBottom) lastSeenSeq.current = newest;
  const lastKey = rows.at(-1)?.key;
  const isOwnLast = rows.at(-1)?.kind === "pending";

  const stick = (): void => list.current?.scrollToIndex(rows.length - 1, { align: "end" });
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
    if (next !== isSticking.current) change(next);
  };

  useLayoutEffect(() => {
    // One's own message is always brought into view.
    if (isOwnLast && !isSticking.current) change(true);
    if (isSticking.current) stick();
  }, [rows, lastKey]);
  useEffect(() => {
    if (isSticking.current) client.reading.onBottom(roomId, true);
  }, [newest]);
  useEffect(() => {
    const observer = new ResizeObserver(() => isSticking.current && stick());
    observer.observe(scroller.current!);
    observer.observe(scroller.current!.lastElementChild!);
    return () => {
      observer.disconnect();
      client.reading.onBottom(roomId, false);
    };
  }, []);
  const jump = (): void => {
    change(true);
    stick();
  };
  return { isAtBottom, newCount: countNew(rows, lastSeenSeq.current), onScroll, jump };
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
