"""The background task that sends what waits in the outbox: at least once, by any replica.

A mail is claimed, sent, then removed. Who dies in between leaves it to be sent again, under the same
Message-ID.
"""

import asyncio
from datetime import timedelta

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.mail.links import LinkMailer
from services.auth.mail.message import Mail, Request, compose
from services.auth.mail.sealing import MailSealer
from services.auth.mail.transports import NotSentError, Transport
from services.auth.store import mails
from services.auth.store.mails import WaitingMail
from shared.telemetry import get_logger

log = get_logger(__name__)

MAILS = Counter("chatcraft_mails", "Mails by what became of a try: sent, postponed, given_up", ["outcome"])

TASK = "auth_send_mail"
GIVE_UP_AFTER = timedelta(hours=24)
_LOOK_EVERY_S = 1.0
_AT_ONCE = 10
# A try ends well before its claim does: no other replica sends what is being sent.
_TRY_S = 45.0
_CLAIMED_FOR = timedelta(minutes=2)
_FIRST_PAUSE = timedelta(seconds=15)
_PAUSE_MAX = timedelta(hours=1)
_DOUBLINGS_MAX = 10


class Sender:
    """Looks for what is due and settles it."""

    def __init__(
        self,
        engine: AsyncEngine,
        sealer: MailSealer,
        transport: Transport,
        links: LinkMailer,
        *,
        sender: str,
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._transport = transport
        self._links = links
        self._sender = sender

    async def send_forever(self) -> None:
        while True:
            if await self.send_due() == 0:
                await asyncio.sleep(_LOOK_EVERY_S)

    async def send_due(self) -> int:
        """Settle some of what is due, at once; return how many there were."""
        async with self._engine.begin() as connection:
            claimed = await mails.claim(connection, _AT_ONCE, _CLAIMED_FOR)
        async with asyncio.TaskGroup() as tasks:
            for waiting in claimed:
                tasks.create_task(self._settle(waiting), name=TASK)
        return len(claimed)

    async def _settle(self, waiting: WaitingMail) -> None:
        match self._sealer.open(waiting.id, waiting.sealed):
            case Mail() as mail:
                await self._send(waiting, mail)
            case Request() as request:
                async with self._engine.begin() as connection:
                    if await mails.remove(connection, waiting.id):
                        await self._links.answer(connection, request)
            case None:
                await self._give_up(waiting, "sealed under another CHATCRAFT_SECRET_KEY")

    async def _send(self, waiting: WaitingMail, mail: Mail) -> None:
        try:
            message = compose(mail, self._sender, waiting.id, waiting.created_at)
            async with asyncio.timeout(_TRY_S):
                await self._transport.send(message)
        except NotSentError as exc:
            await self._fail(waiting, str(exc), is_final=exc.is_final)
        except TimeoutError:
            await self._fail(waiting, f"took more than {_TRY_S:g} s")
        except ValueError:
            await self._give_up(waiting, "cannot be put into the form of a mail")
        else:
            async with self._engine.begin() as connection:
                await mails.remove(connection, waiting.id)
            MAILS.labels("sent").inc()
            log.info("mail_sent", mail_id=waiting.id, kind=waiting.kind, attempts=waiting.attempts)

    async def _fail(self, waiting: WaitingMail, reason: str, *, is_final: bool = False) -> None:
        pause = min(_FIRST_PAUSE * 2 ** min(waiting.attempts - 1, _DOUBLINGS_MAX), _PAUSE_MAX)
        if is_final or waiting.age + pause > GIVE_UP_AFTER:
            await self._give_up(waiting, reason)
            return
        async with self._engine.begin() as connection:
            await mails.postpone(connection, waiting, pause)
        MAILS.labels("postponed").inc()
        log.warning("mail_postponed", mail_id=waiting.id, kind=waiting.kind, reason=reason)

    async def _give_up(self, waiting: WaitingMail, reason: str) -> None:
        async with self._engine.begin() as connection:
            await mails.remove(connection, waiting.id)
        MAILS.labels("given_up").inc()
        log.error("mail_given_up", mail_id=waiting.id, kind=waiting.kind, reason=reason)
