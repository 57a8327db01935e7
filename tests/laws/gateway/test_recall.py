"""The law of the node's memory: what a ring recalls is what the store would have answered."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.recall import fold
from services.gateway.ring import Ring, RingBudget
from tests.unit.client.shapes import ServerRoom

ACTS = st.lists(
    st.tuples(st.sampled_from(["send", "edit", "delete", "join", "expire"]), st.integers(0, 9)), max_size=30
)


def act(room: ServerRoom, name: str, number: int) -> bytes | None:
    match name:
        case "send":
            event = room.send()
        case "join" if f"{number + 2:012d}" not in "".join(room.members):
            event = room.join(number + 2)
        case "expire" if room.messages:
            event = room.expire(number)
        case "edit" | "delete" if room.messages:
            event = room.edit(number, f"text {number}") if name == "edit" else room.delete(number)
        case _:
            return None
    return msgspec.json.encode(
        {"ev": event.name, "room_id": event.room_id, "rev": event.rev, "d": event.data}
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(acts=ACTS, since=st.integers(0, 30))
def test_a_fold_of_events_is_the_present_state_of_all_that_changed(
    acts: list[tuple[str, int]], since: int
) -> None:
    room = ServerRoom()
    ring = Ring(RingBudget())
    start = room.room.rev
    for name, number in acts:
        payload = act(room, name, number)
        if payload is not None:
            ring.append(room.room.rev - 1, room.room.rev, payload)
    held = min(start + since, room.room.rev)
    payloads = ring.find_between(held, room.room.rev)
    assert payloads is not None
    messages, members = fold(payloads, held, room.room.first_seq)
    by_rev = sorted(room.messages.values(), key=lambda row: row.rev)
    assert messages == [row for row in by_rev if row.rev > held]
    assert members == sorted(
        (row for row in room.members.values() if row.rev > held), key=lambda row: row.rev
    )
