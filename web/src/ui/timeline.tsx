// The messages of a room: a virtual list that sticks to the bottom, pages back without jumping, and is walked
// through with the arrow keys.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { client } from "../store/client";
import type { RoomState } from "../store/room_state";
import { buildRows, type Row } from "../store/rows";
import { FormError } from "./form_error";
import { Icon } from "./icon";
import { MessageRowView } from "./message_row";
import { StartOfRoom } from "./start_of_room";
import { useBottomSticking } from "./bottom_sticking";
import { useRovingFocus } from "./roving_focus";

// Pages are asked for well before their place comes into view.
const PAGE_BEFORE_PX = 800;

export function Timeline({ state }: { state: RoomState }) {
  const roomId = state.room.id;
  const list = useRef<VirtualizerHandle | null>(null);
  const scroller = useRef<HTMLDivElement | null>(null);
  const rows = useRows(state);
  const isPrepended = usePrepended(rows);
  const bottom = useBottomSticking(roomId, rows, scroller);
  const focus = useRovingFocus(rows, list);
  const { hasBefore, messages } = state.timeline;

  const loadOlder = (): void => {
    if (hasBefore && bottom.pixelsAbove() < PAGE_BEFORE_PX) void client.history.loadOlder(roomId);
  };
  // Also when the first messages do not fill the screen, and after each page.
  useEffect(loadOlder, [messages[0]?.id]);
  const failure = client.history.failed.value.get(roomId) ?? null;
  return (
    <div class="timeline">
      <div
        ref={scroller}
        class={`timeline-scroller ${bottom.isSettled ? "" : "is-settling"}`}
        role="log"
        aria-live="off"
        aria-label="Messages"
        aria-busy={client.history.loading.value.has(roomId)}
        onKeyDown={focus.onKeyDown}
        onFocusIn={focus.onFocusIn}
      >
        <div class="timeline-spacer" />
        <Virtualizer
          ref={list}
          scrollRef={scroller}
          data={rows}
          shift={isPrepended}
          bufferSize={600}
          keepMounted={focus.keepMounted}
          onScroll={() => {
            bottom.onScroll();
            loadOlder();
          }}
        >
          {(row: Row) =>
            row.kind === "start" ? (
              <StartOfRoom key={row.key} state={state} />
            ) : (
              <MessageRowView key={row.key} row={row} roomId={roomId} isTabStop={row.key === focus.tabStop} />
            )
          }
        </Virtualizer>
      </div>
      {client.history.loading.value.has(roomId) && <div class="older-loading" role="status" aria-label="Loading older messages"><span class="spinner" /></div>}
      {failure && (
        <div class="older-failed">
          <FormError error={failure} />
          <button type="button" class="button" onClick={() => void client.history.loadOlder(roomId)}>Try again</button>
        </div>
      )}
      {!bottom.isAtBottom && (
        <button
          type="button"
          class="jump-button"
          onClick={(event) => {
            bottom.jump();
            // Pressed by a key, it takes the focus along.
            if (event.detail === 0) focus.moveTo(rows.length - 1);
          }}
        >
          <Icon name="down" size={16} />
          {bottom.newCount > 0 ? `${bottom.newCount} new` : "Newest"}
        </button>
      )}
    </div>
  );
}

function useRows(state: RoomState): Row[] {
  const roomId = state.room.id;
  const { messages, hasBefore } = state.timeline;
  const pending = client.outbox.inRoom(roomId);
  const newLine = client.reading.newLine.value;
  const newAfterSeq = newLine?.roomId === roomId ? newLine.afterSeq : null;
  const meId = client.account.userId.value ?? "";
  return useMemo(
    () => buildRows(messages, pending, hasBefore, newAfterSeq, meId),
    [messages, pending.map((item) => item.id + item.state).join(), hasBefore, newAfterSeq, meId],
  );
}

/** True in the very render in which older rows appear above the known ones. */
function usePrepended(rows: readonly Row[]): boolean {
  const first = useRef<string | undefined>(undefined);
  const [known, now] = [first.current, rows[0]?.key];
  first.current = now;
  return known !== undefined && now !== known && rows.some((row) => row.key === known);
}

