"""Bots and API tokens for tests that go through the doors: whoever acts by one is a `Person`."""

from dataclasses import replace

from tests.wire import Json, Person, new_id

BOTH = ("read", "write")


async def make_bot(owner: Person, *scopes: str, url: str | None = None) -> Person:
    """Return a new bot of that owner, with a token, at home on the owner's node unless told otherwise."""
    asked = {"username": f"bot-{new_id()[:8]}", "display_name": "A bot"}
    user = await owner.rest("POST", "/bots", asked)
    bot = Person(url or owner.url, user, {}, owner.http)
    return await with_token(owner, bot, *scopes)


async def with_token(owner: Person, bot: Person, *scopes: str) -> Person:
    """Return the bot with one more token of its own."""
    made = await owner.rest("POST", f"/bots/{bot.id}/tokens", as_wish(scopes))
    return replace(bot, tokens={"access_token": made["token"], "token_id": made["id"]})


async def as_script(person: Person, *scopes: str) -> Person:
    """Return the person as their own script is seen, by a personal token."""
    made = await person.rest("POST", "/tokens", as_wish(scopes))
    return replace(person, tokens={"access_token": made["token"], "token_id": made["id"]})


async def revoke(owner: Person, bot: Person) -> None:
    """End the token that the bot, or the script, has."""
    path = "/tokens" if owner.id == bot.id else f"/bots/{bot.id}/tokens"
    await owner.rest("DELETE", f"{path}/{bot.tokens['token_id']}")


def as_wish(scopes: tuple[str, ...]) -> Json:
    return {"name": "test", "scopes": list(scopes or BOTH)}
