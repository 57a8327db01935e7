"""The statements of the hot paths find their rows by room: the tables can be spread over shards by it."""

import re
from types import ModuleType

import pytest

from services.messages.store import members, messages
from services.messages.writer import load, save

STATEMENT = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE)\b")
BY_ROOM = re.compile(
    r"\broom_id = |\bid = ANY|r\.id = k\.id|\(room_id, |SELECT k\.room_id|messages\.memberships\s+\(room_id"
)


def statements() -> list[object]:
    return [
        pytest.param(value, id=f"{module.__name__.rpartition('.')[2]}{name}")
        for module in (load, save, messages, members)
        for name, value in vars(module).items()
        if isinstance(value, str)
        and not name.startswith("__")
        and STATEMENT.search(value)
        and name.isupper()
        and name.startswith("_")
    ]


@pytest.mark.parametrize("statement", statements())
def test_a_hot_statement_names_the_room(statement: str):
    assert BY_ROOM.search(statement)


@pytest.mark.parametrize("module", [load, save, messages, members], ids=lambda each: each.__name__)
def test_no_hot_statement_depends_on_an_order_across_rooms(module: ModuleType):
    text = "\n".join(value for value in vars(module).values() if isinstance(value, str))
    assert "nextval" not in text
    assert "serial" not in text
