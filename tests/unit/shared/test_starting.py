"""What the log of a service that cannot start says."""

from contextlib import AsyncExitStack

import pytest

from shared.lifecycle import Checks, StartupError, create_private_app
from shared.settings import ServiceSettings


async def start_with(error: Exception) -> None:
    async def start(_stack: AsyncExitStack) -> Checks:
        raise error

    settings = ServiceSettings.model_validate({"nats_url": "nats://127.0.0.1:1", "health_port": 0})
    app = create_private_app("trial", settings, start)
    with pytest.raises(type(error)):
        async with app.router.lifespan_context(app):
            pass


async def test_a_reason_that_is_known_is_one_line(capsys):
    await start_with(StartupError("the database is not migrated"))
    shown = capsys.readouterr().err
    assert "the database is not migrated" in shown
    assert "Traceback" not in shown


async def test_what_nobody_thought_of_is_told_with_its_place(capsys):
    await start_with(ZeroDivisionError("one by none"))
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "ZeroDivisionError: one by none" in shown
