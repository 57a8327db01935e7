"""Who comes to a run of chaos, and in which rooms they meet."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from chatcraft_client import Client
from shared.contracts import rooms
from shared.ids import new_id
from tests.chaos.ledger import Ledger
from tests.chaos.people import PASSWORD, REPLY_S, Guest, Reader, Sender, Wanderer

SENDERS, WANDERERS = 4, 2


@dataclass
class Evening:
    """The guests, and the rooms; the first guest is in all of them from beginning to end."""

    guests: list[Guest]
    room_ids: list[str]
    ledger: Ledger


@asynccontextmanager
async def invite(urls: list[str], seed: str) -> AsyncIterator[Evening]:
    """Register everybody, make the rooms, connect all; on leaving, all are gone."""
    ledger = Ledger()
    async with AsyncExitStack() as opened:

        async def come(node: int) -> Client:
            turned = urls[node % len(urls) :] + urls[: node % len(urls)]
            return await opened.enter_async_context(Client(turned, timeout_s=REPLY_S))

        senders = [await _register(await come(number)) for number in range(SENDERS)]
        devices = [await _sign_in_as(each, await come(node + 1)) for node, each in enumerate(senders[:3])]
        wanderers = [await _register(await come(number)) for number in range(WANDERERS)]
        public_ids, closed_ids = await _make_rooms(senders)
        room_ids = public_ids + closed_ids
        others = [each.me.id for each in senders + wanderers if each.me]
        guests: list[Guest] = [
            Sender(f"sender-{number}", each, ledger, seed, room_ids=room_ids, others=others)
            for number, each in enumerate(senders)
        ]
        guests += [Reader(f"device-{number}", each, ledger, seed) for number, each in enumerate(devices)]
        guests += [
            Wanderer(f"wanderer-{number}", each, ledger, seed, public_ids)
            for number, each in enumerate(wanderers)
        ]
        for guest in guests:
            await guest.client.connect()
        await senders[0].watch(*sorted({guest.id for guest in guests}))
        yield Evening(guests, room_ids, ledger)


async def _register(client: Client) -> Client:
    await client.register(f"guest-{new_id()[-12:]}", PASSWORD)
    return client


async def _sign_in_as(other: Client, client: Client) -> Client:
    """A second device, with a login of its own."""
    assert other.me is not None
    await client.login(other.me.username, PASSWORD)
    return client


async def _make_rooms(senders: list[Client]) -> tuple[list[str], list[str]]:
    """Return two public rooms and two closed ones; all senders are in each."""
    first, *others = senders
    ids = [each.me.id for each in others if each.me]
    public = [await first.rooms.create(f"public {new_id()}", "public", member_ids=ids) for _ in range(2)]
    closed = await first.rooms.create(f"private {new_id()}", "private", member_ids=ids)
    group = await first.call(rooms.open_dm, rooms.OpenDm(ids))
    return [each.id for each in public], [closed.id, group.id]
