"""Faults around the gateway: killed, stalled, cut off, told nothing. Nobody misses, doubles or reorders."""

import asyncio
import signal
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.faults.observing import read_metrics
from tests.faults.talking import created, hears_all, list_all, talking
from tests.stack import Stack
from tests.wire import AT_ONCE_S, People, Person, Refused, eventually, new_id


async def test_clients_of_a_killed_gateway_are_whole_on_another(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket(broken.gateway_urls[0], sync=False) as elsewhere:
        async with talking(anna, room_id) as talker:
            async with bert.socket() as socket:
                await eventually(lambda: len(created(socket, room_id)) > 20)
                await broken.kill("gateway", 1, signal.SIGKILL)
                await socket.wait_closed()
                seen = created(socket, room_id)
                last = socket.of_room(room_id)[-1]
            held = {room_id: {"epoch": last["epoch"], "rev": last["rev"]}}
            synced = await elsewhere.call("sync", {"rooms": held})
            seen += [message["id"] for message in synced["rooms"][0]["messages"]]
        await eventually(lambda: set(talker.acked) <= {*seen, *created(elsewhere, room_id)})
        seen += created(elsewhere, room_id)
    await broken.restart("gateway", 1)
    assert len(seen) == len(set(seen))
    assert [each for each in seen if each in set(talker.acked)] == talker.acked


async def test_a_hint_that_was_never_sent_is_made_good_although_the_room_stays_silent(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    message = await anna.send(room_id, "before")
    async with bert.socket() as socket:
        database = await asyncpg.connect(broken.endpoints.database_url)
        async with database.transaction():
            rev = await database.fetchval(
                "UPDATE messages.rooms SET rev = rev + 1 WHERE id = $1 RETURNING rev", room_id
            )
            await database.execute(
                "UPDATE messages.messages SET text = 'after', rev = $3 WHERE room_id = $1 AND id = $2",
                room_id, message["id"], rev,
            )  # fmt: skip
        await database.close()
        frames = await eventually(lambda: socket.of_room(room_id))
        assert (frames[0]["ev"], frames[0]["rev"]) == ("room.changes", rev)
        assert frames[0]["d"]["after_rev"] == rev - 1
        assert [each["text"] for each in frames[0]["d"]["messages"]] == ["after"]


async def test_nats_restarted_under_traffic_loses_nothing(broken: Stack, anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as socket:
        async with talking(anna, room_id) as talker:
            await eventually(lambda: len(talker.acked) > 10)
            await broken.kill("nats", number=signal.SIGKILL)
            await asyncio.sleep(2)  # the fault itself: two seconds without a bus
            await broken.restart("nats")
            before = len(talker.acked)
            await eventually(lambda: len(talker.acked) > before + 10)
        await hears_all(socket, talker)
        assert await list_all(anna, room_id) == talker.acked


async def test_a_black_hole_to_nats_is_noticed_and_healed(
    broken: Stack, anna: Person, bert: Person, proxied: Any
) -> None:
    proxy = await proxied("gateway", 1)
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as socket, httpx2.AsyncClient() as client:

        async def readiness() -> int:
            return (await client.get(broken.health_url("gateway", 1) + "/readyz", timeout=10)).status_code

        assert await readiness() == 200
        async with talking(anna, room_id) as talker:
            await eventually(lambda: len(created(socket, room_id)) > 5)
            proxy.stall()
            await eventually(lambda: is_status(readiness, 503))
            with pytest.raises(Refused) as caught:
                await socket.call("users.me")
            assert caught.value.code in {"unavailable", "timeout"}
            proxy.flow()
            proxy.cut()
            await eventually(lambda: is_status(readiness, 200))
        await hears_all(socket, talker)


async def is_status(ask: Any, status: int) -> bool:
    return bool(await ask() == status)


async def test_without_the_auth_service_sockets_live_on_and_new_ones_open(
    broken: Stack, folk: People, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with anna.socket() as here:
        await broken.kill("auth", 0, signal.SIGKILL)
        async with bert.socket() as newcomer:
            assert newcomer.ready["d"]["user"]["id"] == bert.id
            message = await anna.send(room_id, "still talking")
            for socket in (here, newcomer):
                await socket.wait_for_event("message.created", id=message["id"])
        with pytest.raises(Refused) as caught:
            await folk.register("carl")
        assert (caught.value.status, caught.value.code) == (503, "unavailable")
    await broken.restart("auth", 0)
    assert (await folk.register("carl")).id


async def test_a_bus_that_comes_back_while_auth_is_away_delivers_and_no_task_fails_for_it(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as socket:
        failures = [await count_task_failures(broken, index) for index in range(2)]
        await broken.kill("auth", 0, signal.SIGKILL)
        await broken.kill("nats", number=signal.SIGKILL)
        await broken.restart("nats")
        async with talking(anna, room_id) as talker:
            await eventually(lambda: talker.acked)
        await hears_all(socket, talker)
        assert [await count_task_failures(broken, index) for index in range(2)] == failures
    await broken.restart("auth", 0)


async def count_task_failures(broken: Stack, index: int) -> float:
    return (await read_metrics(broken, "gateway", index)).get("chatcraft_task_failures_total", 0)


async def test_a_gateway_that_stood_still_closes_nobody_for_it(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as socket, bert.socket() as other:
        await broken.kill("gateway", 1, signal.SIGSTOP)
        message = await anna.send(room_id, "while you were away")
        await asyncio.sleep(3)  # the fault itself: three seconds of standing still
        await broken.kill("gateway", 1, signal.SIGCONT)
        for each in (socket, other):
            await each.wait_for_event("message.created", id=message["id"])
            assert each.close_code is None


async def test_a_draining_gateway_says_so_and_finishes_what_is_under_way(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await bert.create_room(members=(anna,))
    async with bert.socket() as socket:
        sends = [
            socket.start("messages.send", {"room_id": room_id, "id": new_id(), "text": f"m{index}"})
            for index in range(30)
        ]
        await sends[0]
        broken.find("gateway", 1).send_signal(signal.SIGTERM)
        draining = await socket.wait_for_event("draining")
        assert draining["d"]["retry_after_ms"] > 0
        assert await socket.wait_closed() == 1012
        answered = await asyncio.gather(*sends)
    await broken.find("gateway", 1).wait()
    await broken.restart("gateway", 1)
    assert await list_all(anna, room_id) == [each["message"]["id"] for each in answered]


async def test_a_reader_that_stopped_costs_its_neighbours_nothing_and_misses_nothing(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as stuck, bert.socket() as neighbour:
        stuck.websocket.transport.pause_reading()
        sent = await send_long_texts(anna, room_id, 80)
        await eventually(lambda: created(neighbour, room_id) == sent)
        stuck.websocket.transport.resume_reading()
        await eventually(lambda: set(sent) <= set(created(stuck, room_id)))
        assert created(stuck, room_id) == sent


async def send_long_texts(person: Person, room_id: str, count: int) -> list[str]:
    """Send several at once: who reads nothing is closed after 30 s. Returns their ids in the room's order."""
    sent = []
    for _ in range(count // 20):
        sent += await asyncio.gather(*(person.send(room_id, "x" * 15_000) for _ in range(20)))
    return [each["id"] for each in sorted(sent, key=lambda each: each["seq"])]


async def test_a_reader_that_missed_too_much_reloads_and_only_that_one(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as stuck, bert.socket() as neighbour:
        stuck.websocket.transport.pause_reading()
        sent = await send_long_texts(anna, room_id, 300)
        await eventually(lambda: created(neighbour, room_id) == sent)
        stuck.websocket.transport.resume_reading()
        await stuck.wait_for_event("room.reset", room_id=room_id)
        assert "room.reset" not in {frame["ev"] for frame in neighbour.frames}
        last = stuck.of_room(room_id)[-1]
        held = {room_id: {"epoch": last["epoch"], "rev": last["rev"]}}
        synced = await stuck.call("sync", {"rooms": held, "only": True})
        assert synced["rooms"][0]["state"] == "reset"
        assert [each["id"] for each in synced["rooms"][0]["messages"]] == sent[-30:]
        message = await anna.send(room_id, "and on")
        for socket in (stuck, neighbour):
            await socket.wait_for_event("message.created", id=message["id"])


async def test_removal_logout_and_deactivation_are_felt_at_once(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as here, bert.socket(broken.gateway_urls[0]) as there:
        await anna.rest("DELETE", f"/rooms/{room_id}/members/{bert.id}")
        async with asyncio.timeout(AT_ONCE_S):
            for socket in (here, there):
                await socket.wait_for_event("member.left", user_id=bert.id)
        await bert.rest("POST", "/auth/logout", {})
        async with asyncio.timeout(AT_ONCE_S):
            assert [await socket.wait_closed() for socket in (here, there)] == [4500, 4500]
        with pytest.raises(Refused):
            await bert.rest("GET", "/users/me")
