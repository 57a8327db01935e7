"""People and rooms for a scenario, made through REST as anybody would."""

import asyncio
import secrets
from dataclasses import dataclass

import httpx2

_AT_ONCE = 8
_PASSWORD = "benchmark password 1"


@dataclass(slots=True)
class Account:
    id: str
    token: str


async def register(http: httpx2.AsyncClient, urls: list[str], count: int) -> list[Account]:
    """Register people over all nodes; hashing their passwords is what takes the time."""
    gate = asyncio.Semaphore(_AT_ONCE)
    run = secrets.token_hex(4)

    async def one(index: int) -> Account:
        async with gate:
            body = {"username": f"load-{run}-{index}", "password": _PASSWORD}
            response = await http.post(f"{urls[index % len(urls)]}/api/v1/auth/register", json=body)
            response.raise_for_status()
            registered = response.json()
            return Account(registered["user"]["id"], registered["tokens"]["access_token"])

    return await asyncio.gather(*(one(index) for index in range(count)))


async def create_room(
    http: httpx2.AsyncClient, url: str, members: list[Account], kind: str = "private"
) -> str:
    """Create a room of these people, the first of them its owner."""
    headers = {"Authorization": f"Bearer {members[0].token}"}
    others = [member.id for member in members[1:]]
    body = {"kind": kind, "name": "load", "member_ids": others[:100]}
    response = await http.post(f"{url}/api/v1/rooms", json=body, headers=headers)
    response.raise_for_status()
    room_id: str = response.json()["id"]
    for start in range(100, len(others), 100):
        body = {"user_ids": others[start : start + 100]}
        response = await http.post(f"{url}/api/v1/rooms/{room_id}/members", json=body, headers=headers)
        response.raise_for_status()
    return room_id
