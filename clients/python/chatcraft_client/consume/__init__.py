"""`consume`: read ChatCraft's events from the bus in another service, in order and without loss."""

from chatcraft_client.consume.consumer import Consumer
from chatcraft_client.consume.delivery import Delivery
from chatcraft_client.consume.durable import Start
from chatcraft_client.consume.forgetting import forget
from chatcraft_client.consume.gaps import ROOM_GAP, Gap
from chatcraft_client.consume.order import Place
from chatcraft_client.consume.positions import Positions, Superseded
from chatcraft_client.consume.selection import Share

consume = Consumer
"""Attach to the feed: `async with consume(nats_url, "alerts") as events: await events.run(handle)`.

Every event of the subjects comes to the handler: those of a room in the order of their revs and never two
at the same time, those of different rooms in any order. At least once; exactly once as far as the handler
remembers the event's place together with its effect (see `Positions`).

- `durable` names this reader on the bus; it goes on where it stopped, in whichever process. Of several
  processes one works and the others stand by: they take over about 10 s after its last sign.
  `share=Share(0, 4)` is a durable of its own with a fixed quarter of the rooms: four of them share the work.
- `subjects` are NATS patterns below `chat.room`, such as `chat.room.*.message.created`.
- `start` is where a durable begins that does not exist yet: `"new"`, `"all"` that is kept, a time, or a
  sequence of the stream. `forget` makes it not exist.
- A handler that raises gets the same event again after 1, 2, 4, … s, at most 60; its room waits, others go
  on. After `max_tries` the event goes to the stream `CHAT_DEAD` and the room goes on.
- Where events are missing, the room waits `gap_wait_s` for them. Then comes `room.changes`, all that changed
  meanwhile, asked with the sign-in of `client`, or `room.reset` where that is too much. Without a `client`,
  or where its user is no member, the room waits `unreadable_wait_s`; then comes `room.gap`, which says what
  is missing, and the room goes on behind it. These three come whatever the subjects are.
"""

__all__ = [
    "ROOM_GAP",
    "Consumer",
    "Delivery",
    "Gap",
    "Place",
    "Positions",
    "Share",
    "Start",
    "Superseded",
    "consume",
    "forget",
]
