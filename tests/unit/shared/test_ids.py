"""Identifiers: version 7, ordered by time, and nothing else passes for one."""

import uuid

import pytest

from shared.bus import subjects
from shared.ids import dm_room_id, is_id, new_id
from tests.hostile import BAD_IDS


def test_a_new_id_is_a_uuid_of_version_7():
    made = uuid.UUID(new_id())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_ids_sort_by_the_millisecond_in_which_they_were_made(time_machine_at):
    earlier = time_machine_at(1_700_000_000.000, new_id)
    later = time_machine_at(1_700_000_000.5, new_id)
    assert earlier < later


def test_ids_of_one_millisecond_differ():
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_what_is_made_is_recognised():
    assert all(is_id(new_id()) for _ in range(100))


@pytest.mark.parametrize("text", [*BAD_IDS, str(uuid.UUID(int=10)).upper(), uuid.UUID(int=1).hex])
def test_nothing_else_is_an_id(text):
    assert not is_id(text)


@pytest.mark.parametrize("text", BAD_IDS)
@pytest.mark.parametrize(
    "build",
    [
        lambda text: subjects.room_event(text, "message.created"),
        subjects.room_events,
        lambda text: subjects.user_event(text, "read.updated"),
        subjects.user_events,
        lambda text: subjects.room_signal(text, "typing"),
        subjects.room_signals,
        subjects.presence,
        lambda text: subjects.health("gateway", text),
    ],
)
def test_what_is_no_id_never_enters_a_subject(build, text):
    with pytest.raises(ValueError, match="not a UUID"):
        build(text)


def test_the_same_people_have_the_same_room_in_any_order():
    a, b, c = new_id(), new_id(), new_id()
    assert dm_room_id([a, b, c]) == dm_room_id([c, a, b, a])
    assert dm_room_id([a, b]) != dm_room_id([a, b, c])
    assert uuid.UUID(dm_room_id([a])).version == 5
