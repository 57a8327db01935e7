"""How a service answers: handlers over a real bus, errors as replies, draining."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from shared.bus import Bus, BusRequest, Caller
from shared.calls import call, unwrap
from shared.contracts import internal, messages, rooms
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.dispatch import Dispatcher
from shared.errors import ChatError, not_found, unavailable
from shared.ids import new_id

DEADLINE_S = 30
CALLER = Caller(new_id(), new_id(), "member", "192.0.2.7")


class LibraryError(Exception):
    """Stands for a database driver's own."""


def translate(exc: Exception) -> ChatError | None:
    return unavailable("the library is down") if isinstance(exc, LibraryError) else None


class Asker:
    """Calls commands as the gateway does."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def ask(self, command, request=b"{}", caller=CALLER) -> bytes:
        raw = request if isinstance(request, bytes) else msgspec.json.encode(request)
        return await self.bus.request(command.subject, raw, caller=caller, timeout_s=DEADLINE_S)


@pytest.fixture
async def asker(nats_url: Callable[[str], str]) -> AsyncIterator[Asker]:
    bus = await Bus.connect([nats_url("gateway")], "gateway")
    yield Asker(bus)
    await bus.close()


@pytest.fixture
async def dispatcher(nats_url: Callable[[str], str]) -> AsyncIterator[Dispatcher]:
    bus = await Bus.connect([nats_url("messages")], "messages")
    made = Dispatcher("messages", bus, translate)
    yield made
    await made.drain()
    await bus.close()


async def start(dispatcher: Dispatcher) -> None:
    await dispatcher.start()
    await dispatcher._bus.flush()


async def test_a_handler_gets_caller_and_request_and_its_reply_goes_back(asker, dispatcher):
    asked = rooms.OneRoom(new_id())

    async def leave(caller: Caller, request: rooms.OneRoom) -> Empty:
        assert (caller, request) == (CALLER, asked)
        return Empty()

    dispatcher.handle(rooms.leave, leave)
    await start(dispatcher)
    assert await asker.ask(rooms.leave, asked) == b'{"ok":{}}'


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (not_found("room"), ErrorCode.NOT_FOUND),
        (LibraryError("socket closed"), ErrorCode.UNAVAILABLE),
        (ZeroDivisionError("secret detail"), ErrorCode.INTERNAL),
    ],
)
async def test_what_a_handler_raises_becomes_an_error_reply(asker, dispatcher, raised, code):
    async def leave(_caller: Caller, _request: rooms.OneRoom) -> Empty:
        raise raised

    dispatcher.handle(rooms.leave, leave)
    await start(dispatcher)
    reply = await asker.ask(rooms.leave, rooms.OneRoom(new_id()))
    with pytest.raises(ChatError) as refused:
        unwrap(reply)
    assert refused.value.code is code
    assert b"secret" not in reply
    assert ("trace_id" in refused.value.body.details) == (code is ErrorCode.INTERNAL)


async def test_unknown_fields_are_ignored_behind_the_door(asker, dispatcher):
    async def leave(_caller: Caller, _request: rooms.OneRoom) -> Empty:
        return Empty()

    dispatcher.handle(rooms.leave, leave)
    await start(dispatcher)
    raw = msgspec.json.encode({"room_id": new_id(), "of_a_newer_version": 1})
    assert await asker.ask(rooms.leave, raw) == b'{"ok":{}}'


async def test_what_does_not_decode_is_invalid_input(asker, dispatcher):
    async def leave(_caller: Caller, _request: rooms.OneRoom) -> Empty:
        return Empty()

    dispatcher.handle(rooms.leave, leave)
    await start(dispatcher)
    error = ChatError.decode(await asker.ask(rooms.leave, b'{"room_id":7}'))
    assert error.code is ErrorCode.INVALID_INPUT


async def test_an_enqueued_request_is_answered_by_whoever_took_it(asker, dispatcher):
    def take(request: BusRequest, sent: messages.SendMessage) -> None:
        request.respond(b'{"ok":"%b"}' % sent.text.encode())

    dispatcher.enqueue(messages.send, take)
    await start(dispatcher)
    sent = messages.SendMessage(new_id(), new_id(), "hi")
    assert await asker.ask(messages.send, sent) == b'{"ok":"hi"}'
    assert ChatError.decode(await asker.ask(messages.send, b"{}")).code is ErrorCode.INVALID_INPUT


async def test_services_call_each_other_typed(asker, dispatcher):
    async def positions(request: internal.GetPositions) -> internal.Positions:
        return internal.Positions(1, dict.fromkeys(request.room_ids, 7), {})

    dispatcher.answer(internal.POSITIONS, internal.GetPositions, positions)
    await start(dispatcher)
    room_id = new_id()
    found = await call(asker.bus, internal.POSITIONS, internal.GetPositions([room_id]), internal.Positions)
    assert found == internal.Positions(1, {room_id: 7}, {})


async def test_draining_finishes_what_is_under_way_and_takes_nothing_new(asker, dispatcher):
    is_under_way, may_finish = asyncio.Event(), asyncio.Event()

    async def leave(_caller: Caller, _request: rooms.OneRoom) -> Empty:
        is_under_way.set()
        await may_finish.wait()
        return Empty()

    dispatcher.handle(rooms.leave, leave)
    await start(dispatcher)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(asker.ask(rooms.leave, rooms.OneRoom(new_id())))
        await is_under_way.wait()
        draining = group.create_task(dispatcher.drain())
        await asker.bus.flush()
        may_finish.set()
        assert await asking == b'{"ok":{}}'
        await draining
    with pytest.raises(ChatError) as refused:
        await asker.ask(rooms.leave, rooms.OneRoom(new_id()))
    assert refused.value.code is ErrorCode.UNAVAILABLE
