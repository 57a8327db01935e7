"""What the database's driver raises, in our words."""

import asyncpg
import pytest
from asyncpg.exceptions import InterfaceError
from sqlalchemy.exc import InternalError

from shared.contracts.errors import ErrorCode
from shared.db import translate

# As asyncpg raised it on a connection whose end the server had announced, before the end itself arrived.
ENDED = asyncpg.exceptions.InternalClientError(
    "cannot switch to state 11; another operation (2) is in progress"
)


CUT_OFF = (
    ENDED,
    InternalError(None, None, ENDED),
    ConnectionResetError(),
    InterfaceError("connection is closed"),
)


@pytest.mark.parametrize("exc", CUT_OFF, ids=repr)
def test_a_connection_that_was_cut_off_is_unavailable_and_can_be_tried_again(exc: Exception):
    translated = translate(exc)
    assert translated is not None
    assert translated.code is ErrorCode.UNAVAILABLE


def test_a_mistake_of_ours_is_not_explained_away():
    assert translate(ValueError("a mistake")) is None
    assert translate(asyncpg.exceptions.UndefinedColumnError("no such column")) is None
