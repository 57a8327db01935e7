// Who is typing, below the timeline. Its height is always reserved, so that nothing jumps.
import { client } from "../store/client";

export function TypingLine({ roomId }: { roomId: string }) {
  const names = client.typing.inRoom(roomId).map((userId) => client.people.nameOf(userId));
  return (
    <div class="typing-line">
      {names.length > 0 && (
        <>
          <span class="typing-dots" aria-hidden="true"><i /><i /><i /></span>
          <span dir="auto">{describe(names)}</span>
        </>
      )}
    </div>
  );
}

function describe(names: readonly string[]): string {
  const [first, second] = names;
  if (names.length === 1) return `${first} is typing…`;
  if (names.length === 2) return `${first} and ${second} are typing…`;
  return `${first} and ${names.length - 1} others are typing…`;
}
