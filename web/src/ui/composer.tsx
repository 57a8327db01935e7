// Where messages are written and edited: Enter sends, Shift+Enter breaks, ↑ edits the last own one, Esc cancels.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { client } from "../store/client";
import { fromTokens, toTokens } from "../store/mentions";
import { titleOf } from "../store/room_list";
import type { RoomState } from "../store/room_state";
import { useAction } from "./action_state";
import { editing, startEditing, stopEditing } from "./editing";
import { FormError } from "./form_error";
import { Icon } from "./icon";
import { LIST_ID, MentionList, peopleOf, useCompletion } from "./mention_list";
import { overlay } from "./overlay";

const TEXT_MAX = 16_000;
const COUNT_FROM = 15_000;

export function Composer({ state }: { state: RoomState }) {
  const roomId = state.room.id;
  const input = useRef<HTMLTextAreaElement>(null);
  const edited = editing.value?.room_id === roomId ? editing.value : null;
  const [editedText, setEditedText] = useState("");
  // The draft may come from another device, too.
  const text = edited ? editedText : client.drafts.get(roomId);
  const title = titleOf(state, (id) => client.people.nameOf(id));
  const completion = useCompletion(state, input, text, change);
  const length = [...text].length;
  const isSendable = text.trim() !== "" && length <= TEXT_MAX;

  function change(next: string): void {
    if (edited) return setEditedText(next);
    client.drafts.set(roomId, next);
    if (next.trim() === "") client.typing.tellStopped(roomId);
    else client.typing.tell(roomId);
  }
  const save = useAction(async () => {
    const tokens = toTokens(text.trim(), peopleOf(state));
    if (tokens !== edited!.text) await client.history.edit(roomId, edited!.id, tokens);
    stopEditing();
  });
  const submit = (): void => {
    if (edited && text.trim() === "") overlay.value = { kind: "delete_message", roomId, messageId: edited.id };
    if (!isSendable) return;
    if (edited) return save.run();
    client.sendMessage(roomId, toTokens(text.trim(), peopleOf(state)));
  };

  useEditedText(edited?.id ?? null, setEditedText, input);
  useGrowing(input, text);
  useFocusOnOpen(input);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing || completion.onKeyDown(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && edited) stopEditing();
    else if (event.key === "ArrowUp" && text === "" && !edited) {
      const last = lastOwn(state);
      if (!last) return;
      event.preventDefault();
      startEditing(last);
    }
  };
  return (
    <form
      class="composer"
      aria-label="Write a message"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
        input.current?.focus();
      }}
    >
      {edited && (
        <div class="composer-editing">
          <Icon name="edit" size={14} /> Editing a message
          <button type="button" class="link-button" onClick={stopEditing}>Cancel</button>
        </div>
      )}
      <FormError error={edited ? save.error : null} />
      <div class="composer-box">
        <MentionList completion={completion} />
        <textarea
          ref={input}
          id="composer-text"
          rows={1}
          dir="auto"
          value={text}
          placeholder={`Message ${title}`}
          aria-label={edited ? "Edit the message" : `Message ${title}`}
          aria-haspopup="listbox"
          aria-autocomplete="list"
          aria-controls={completion.isOpen ? LIST_ID : undefined}
          aria-activedescendant={completion.activeId}
          data-pane-focus=""
          enterkeyhint="send"
          onInput={(event) => change(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          onBlur={completion.close}
        />
        <button type="submit" class="send-button" aria-label={edited ? "Save" : "Send"} aria-disabled={!isSendable || save.isBusy}>
          <Icon name={edited ? "check" : "send"} />
        </button>
      </div>
      {length > COUNT_FROM && (
        <p class={length > TEXT_MAX ? "composer-count is-over" : "composer-count"} role="status">
          {length.toLocaleString()} of {TEXT_MAX.toLocaleString()} characters
        </p>
      )}
    </form>
  );
}

function lastOwn(state: RoomState) {
  const meId = client.account.userId.peek();
  return state.timeline.messages.findLast((message) => message.sender_id === meId && message.deleted_at === null);
}

/** The draft steps aside while a message is edited, and comes back after. */
function useEditedText(
  editedId: string | null,
  setText: (text: string) => void,
  input: { current: HTMLTextAreaElement | null },
): void {
  const wasEditing = useRef(false);
  // Before the next key: a fast hand types over the text that is being edited.
  useLayoutEffect(() => {
    const message = editing.peek();
    if (editedId !== null && message) {
      const nameOf = (id: string): string | null => client.people.find(id)?.username ?? null;
      setText(fromTokens(message.text, nameOf));
    }
    if (editedId !== null || wasEditing.current) input.current?.focus();
    wasEditing.current = editedId !== null;
  }, [editedId]);
  useEffect(() => stopEditing, []);
}

/** As high as its text, up to the bound that the style sheet sets. */
function useGrowing(input: { current: HTMLTextAreaElement | null }, text: string): void {
  useLayoutEffect(() => {
    const { style, scrollHeight: before } = input.current!;
    style.blockSize = "auto";
    const { scrollHeight } = input.current!;
    style.blockSize = `${scrollHeight || before}px`;
  }, [text]);
}

/** A keyboard at hand starts to write; on a touch screen it would only hide the room. */
function useFocusOnOpen(input: { current: HTMLTextAreaElement | null }): void {
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) input.current?.focus();
  }, []);
}
