"""The gateway's half of the lease against the real service: comings and goings while a call is under way."""

import asyncio

import pytest

from services.gateway.presence import Lease
from shared.background import Background
from shared.ids import new_id
from tests.integration.presence.setting import RENEW_S


@pytest.fixture
async def lease(service, gateway_bus, monkeypatch):
    monkeypatch.setattr("services.gateway.presence._RENEW_S", RENEW_S)  # as short as the lease here
    async with Background() as background:
        made = Lease(gateway_bus, background, new_id())
        made.start()
        yield made


async def test_a_user_of_the_gateway_comes_and_goes(watcher, lease):
    ann = new_id()
    lease.set(ann, 1)
    await watcher.hears(ann, "online")
    lease.set(ann, 0)
    await watcher.hears(ann, "online", "offline")


async def test_a_user_who_leaves_while_a_renewal_is_under_way_goes_offline(
    watcher, lease, gateway_bus, monkeypatch
):
    ann, is_asked, may_go_on = new_id(), asyncio.Event(), asyncio.Event()
    incarnation = lease._incarnation
    request = gateway_bus.request

    async def slow_request(subject, payload, **options):
        if ann.encode() in payload:
            is_asked.set()
            await may_go_on.wait()
        return await request(subject, payload, **options)

    monkeypatch.setattr(gateway_bus, "request", slow_request)
    lease.set(ann, 1)
    await is_asked.wait()
    lease.set(ann, 0)
    may_go_on.set()
    bob = new_id()
    lease.set(bob, 1)
    await watcher.hears(bob, "online")
    await watcher.sees(ann, "offline")
    assert lease._incarnation == incarnation


async def test_a_call_that_failed_is_repeated(watcher, lease, gateway_bus, monkeypatch):
    ann = new_id()
    request = gateway_bus.request
    failures = iter([True])

    async def failing_once(subject, payload, **options):
        if ann.encode() in payload and next(failures, False):
            await request(subject, payload, **options)
            return b'{"error":{"code":"timeout","message":"the reply was lost"}}'
        return await request(subject, payload, **options)

    monkeypatch.setattr(gateway_bus, "request", failing_once)
    lease.set(ann, 1)
    await watcher.hears(ann, "online")
    lease.set(ann, 0)
    await watcher.hears(ann, "online", "offline")
