"""Starts auth services inside a test's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from services.auth.app import create_app
from services.auth.settings import AuthSettings
from shared import db

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCE"


@asynccontextmanager
async def run_auth(
    database_url: str, nats_url: str, rate_factor: float = 1_000.0, secret: str = SECRET, **others: Any
) -> AsyncIterator[FastAPI]:
    """Run the service until the block is left; `others` are settings by their field's name."""
    chosen = AuthSettings(
        database_url=database_url,
        nats_url=nats_url,
        health_port=1,
        secret_key=secret,
        auth_rate_factor=rate_factor,
        database_pool=5,
        **others,
    )
    app = create_app(chosen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "_POOL_WAIT_S", 15)  # tests ask for fifty things at once, on a busy machine
        async with app.router.lifespan_context(app):
            yield app
