"""The client: sign in, call commands, follow rooms. What tests, bots and benchmarks use.

Over the socket while it is connected, else over REST. Everything it knows is in `state`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from chatcraft_client.backoff import jitter_s
from chatcraft_client.connection import REPLY_TIMEOUT_S
from chatcraft_client.credentials import Credentials
from chatcraft_client.errors import ChatCraftError
from chatcraft_client.feed import EventFeed
from chatcraft_client.frames import Event
from chatcraft_client.rest import Rest
from chatcraft_client.session import Session
from chatcraft_client.shortcuts import Members, PresenceOf, Rooms, Users
from chatcraft_client.state import State
from shared.contracts import auth, messages, presence, proving, search, users
from shared.contracts.entities import Empty, Membership, Message, Presence, Tokens, User
from shared.contracts.proof_of_work import ProofOfWork
from shared.contracts.registry import Access, Command, Door, Rep, Req
from shared.ids import new_id
from shared.proof_of_work import solve

_FEED_SIZE = 10_000
_CONNECT_TIMEOUT_S = 30.0
# A retry waits for the connection at least as long as for the server.
_RETRY_MAX_S = 2.0
# Two minutes of work. No server asks for more, unless it means harm.
_WORK_BITS_MAX = 28


class Client:
    """One login at one or several nodes. Use as an async context manager; not across event loops."""

    def __init__(
        self,
        urls: str | Sequence[str],
        *,
        token_file: Path | None = None,
        kept_messages: int | None = None,
        timeout_s: float = REPLY_TIMEOUT_S,
    ) -> None:
        """`urls` are nodes of one ChatCraft (`http://…`); each reconnect goes to the next.

        `token_file` keeps the login for `resume`. `kept_messages` bounds the state per room.
        """
        self.urls = [url.rstrip("/") for url in ([urls] if isinstance(urls, str) else urls)]
        self.timeout_s = timeout_s
        self.state = State(kept_messages)
        self.me: User | None = None
        self.rooms = Rooms(self)
        self.members = Members(self)
        self.users = Users(self)
        self.presence = PresenceOf(self)
        self._rest = Rest(self.urls, timeout_s)
        self._credentials = Credentials(self._rest, token_file)
        self._feeds: list[EventFeed] = []
        self._session = Session(self.urls, self._credentials, self.state, self._publish)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect and end all feeds; the login stays."""
        await self._session.stop()
        self._finish_feeds(None)
        await self._rest.close()

    # Signing in

    @property
    def tokens(self) -> Tokens | None:
        """The present tokens; they change with every refresh."""
        return self._credentials.tokens

    async def register(self, username: str, password: str, display_name: str | None = None) -> User:
        """Create an account and sign in; where that takes a proof of work, find one first."""
        asked = auth.Register(username, password, display_name)
        try:
            return self._sign_in(await self.call(auth.register, asked))
        except ChatCraftError as exc:
            proof = await _find_proof(exc)
        asked = auth.Register(username, password, display_name, proof_of_work=proof)
        return self._sign_in(await self.call(auth.register, asked))

    async def login(self, login: str, password: str, code: str | None = None) -> User:
        """Sign in with a password, and with a TOTP or recovery code where the account asks for one.

        Raises ChatCraftError `mfa_failed` if it does and none is given.
        """
        reply = await self.call(auth.login, auth.PasswordLogin(login, password))
        if reply.user and reply.tokens:
            return self._sign_in(auth.SignedIn(reply.user, reply.tokens))
        if reply.mfa_token is None or code is None:
            raise ChatCraftError("mfa_failed", "the account asks for a second factor")
        return self._sign_in(await self.call(proving.login_totp, proving.TotpLogin(reply.mfa_token, code)))

    async def use_token(self, token: str) -> User:
        """Act by an API token: as the bot that it was made for, or as oneself."""
        self._credentials.api_token = token
        self.me = await self.call(users.me, Empty())
        return self.me

    async def resume(self, tokens: Tokens | None = None) -> User:
        """Go on with stored tokens, those of the token file if none are given."""
        if tokens is not None:
            self._credentials.take(tokens)
        elif not self._credentials.load():
            raise ChatCraftError("unauthenticated", "there are no stored tokens: sign in")
        self.me = await self.call(users.me, Empty())
        return self.me

    async def logout(self) -> None:
        """End this login on the server, disconnect, forget the tokens."""
        await self.call(auth.logout, Empty())
        await self.disconnect()
        self._credentials.forget()

    # Connecting

    @property
    def is_connected(self) -> bool:
        """Whether commands go over the socket now."""
        return self._session.connection is not None

    @property
    def node_id(self) -> str | None:
        """The node of the present or last connection."""
        return self._session.ready.node_id if self._session.ready else None

    @property
    def connections_made(self) -> int:
        """How often a connection was brought up and synced."""
        return self._session.connections_made

    async def connect(self, timeout_s: float = _CONNECT_TIMEOUT_S) -> None:
        """Connect, sync, and stay connected; returns when the state is complete."""
        if not self._session.is_running:
            self._session.start(self._on_session_end)
        await self._session.wait_live(timeout_s)
        self.me = self._session.ready.user if self._session.ready else self.me

    async def disconnect(self) -> None:
        """Close the connection and come back no more; the state is kept for the next `connect`."""
        await self._session.stop()

    def cut(self, url: str | None = None) -> None:
        """Break the connection as a dying network does; it comes back by itself, to `url` if given."""
        self._session.cut(url)

    # Calling

    async def call(
        self,
        command: Command[Req, Rep],
        request: Req,
        *,
        retry_for_s: float = 0,
        timeout_s: float | None = None,
    ) -> Rep:
        """Call any command of the registry; raises ChatCraftError.

        With `retry_for_s`, what can be retried is sent again, the same request with the same ids:
        for commands that are idempotent by id. `disconnected` and `timeout` leave open what happened.
        """
        deadline_s = time.monotonic() + retry_for_s
        attempt = 0
        while True:
            try:
                return await self._call_once(command, request, timeout_s or self.timeout_s)
            except ChatCraftError as exc:
                left_s = deadline_s - time.monotonic()
                if not exc.is_retryable or left_s <= 0:
                    raise
                pause_s = (exc.retry_after_ms or 0) / 1000 or min(_RETRY_MAX_S, jitter_s(attempt))
                await asyncio.sleep(min(left_s, pause_s))
                attempt += 1

    async def send(
        self,
        room_id: str,
        text: str,
        *,
        id: str | None = None,  # noqa: A002 - the protocol's own name
        thread_id: str | None = None,
        reply_to: str | None = None,
        retry_for_s: float = 0,
    ) -> Message:
        """Send a message; returned means committed. The same `id` again gives the stored message."""
        request = messages.SendMessage(room_id, id or new_id(), text, thread_id, reply_to)
        return (await self.call(messages.send, request, retry_for_s=retry_for_s)).message

    async def edit(self, room_id: str, message_id: str, text: str) -> Message:
        return await self.call(messages.edit, messages.EditMessage(room_id, message_id, text))

    async def delete(self, room_id: str, message_id: str) -> Message:
        return await self.call(messages.delete, messages.OneMessage(room_id, message_id))

    async def list_messages(
        self,
        room_id: str,
        *,
        before_seq: int | None = None,
        after_seq: int | None = None,
        around_seq: int | None = None,
        limit: int = 50,
        thread_id: str | None = None,
    ) -> messages.Messages:
        """A page of a timeline, ascending; with no anchor the newest."""
        request = messages.ListMessages(room_id, before_seq, after_seq, around_seq, limit, thread_id)
        return await self.call(messages.list_messages, request)

    async def search(
        self,
        q: str = "",
        *,
        room_id: str | None = None,
        from_id: str | None = None,
        before: str | None = None,
        after: str | None = None,
        has: list[search.Feature] | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> search.Hits:
        """A page of messages in one's rooms; `q` takes words, "phrases", pre*, -excluded, and filters."""
        request = search.SearchMessages(q, room_id, from_id, before, after, has or [], limit, cursor)
        return await self.call(search.search, request)

    async def mark_read(self, room_id: str, seq: int) -> Membership:
        return await self.call(messages.mark_read, messages.MarkRead(room_id, seq))

    async def type_in(self, room_id: str, *, stop: bool = False) -> None:
        """Tell the room that one types, or stopped. Needs the connection."""
        command = presence.typing_stop if stop else presence.typing_start
        await self.call(command, presence.Typing(room_id))

    async def watch(self, *user_ids: str) -> list[Presence]:
        """Follow people's presence, after reconnects too; returns all followed. Needs the connection."""
        if self._session.connection is None:
            raise ChatCraftError("unavailable", "not connected")
        self._session.watched.update(user_ids)
        return await self._session.watch(self._session.connection)

    async def unwatch(self, *user_ids: str) -> None:
        """Stop following people."""
        self._session.watched.difference_update(user_ids)
        if self._session.connection is not None:
            await self.call(presence.unwatch, presence.WatchPresence(list(user_ids)))

    async def focus(self, *room_ids: str) -> None:
        """Look at these rooms, at most 20, after reconnects too: other crowded ones tell only of activity.

        Whoever never calls this hears everything.
        """
        self._session.focused = set(room_ids)
        if self._session.connection is not None:
            await self._session.focus(self._session.connection, self._session.focused)

    # Following

    def events(self, size: int = _FEED_SIZE) -> EventFeed:
        """Make a feed of all events from now on; see EventFeed for what happens to slow readers."""
        feed = EventFeed(size, self._detach)
        if self._session.failure is not None:
            feed.finish(self._session.failure)
        else:
            self._feeds.append(feed)
        return feed

    def new_messages(self) -> AsyncIterator[Message]:
        """Each message written from this call on in any own room, in order per room, each once.

        Also those written while the connection was away, as far as `sync` brings them: all of up to
        500 changes a room, else the newest 30 messages. Raises ChatCraftError as EventFeed does.
        """
        return _each_message(self.events())

    async def _call_once(self, command: Command[Req, Rep], request: Req, timeout_s: float) -> Rep:
        connection = self._session.connection
        if connection is not None and Door.SOCKET in command.doors:
            return await connection.call(command, request, timeout_s=timeout_s)
        if command.http is None:
            raise ChatCraftError("unavailable", f"{command.name} needs the connection")
        if command.access is Access.PUBLIC:
            return await self._rest.call(command, request, None)
        token = await self._credentials.access_token()
        try:
            return await self._rest.call(command, request, token)
        except ChatCraftError as exc:
            if exc.code != "token_expired":
                raise
        return await self._rest.call(command, request, await self._credentials.refresh(token))

    def _sign_in(self, signed_in: auth.SignedIn) -> User:
        self._credentials.take(signed_in.tokens)
        self.me = signed_in.user
        return signed_in.user

    def _detach(self, feed: EventFeed) -> None:
        if feed in self._feeds:
            self._feeds.remove(feed)

    def _publish(self, event: Event) -> None:
        for feed in self._feeds:
            feed.put(event)

    def _on_session_end(self, failure: ChatCraftError | None) -> None:
        if failure is not None:
            self._finish_feeds(failure)

    def _finish_feeds(self, error: ChatCraftError | None) -> None:
        for feed in self._feeds:
            feed.finish(error)
        self._feeds.clear()


async def _each_message(feed: EventFeed) -> AsyncIterator[Message]:
    with contextlib.closing(feed):
        async for event in feed:
            for message in event.new_messages:
                yield message


async def _find_proof(refusal: ChatCraftError) -> ProofOfWork:
    """Solve what a refusal asks for, in a thread. Raises the refusal if it is another."""
    match refusal.details:
        case {"reason": "proof_of_work", "challenge": str(challenge), "bits": int(bits)}:
            if bits <= _WORK_BITS_MAX:
                return ProofOfWork(challenge, await asyncio.to_thread(solve, challenge, bits))
    raise refusal
