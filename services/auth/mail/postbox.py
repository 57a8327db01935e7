"""Where commands leave mails: in the outbox, within the transaction of what the mail tells of.

So a mail is sent if, and only if, what it tells of has happened; and no answer waits for a mail server.
"""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.mail.message import Mail, Purpose, Request, split_address
from services.auth.mail.sealing import MailSealer
from services.auth.mail.texts import Texts
from services.auth.store import mails
from shared.contracts.entities import Me
from shared.ids import new_id


class Postbox:
    """Takes mails; while mail is off it drops them."""

    def __init__(self, sealer: MailSealer, public_url: str, *, is_open: bool) -> None:
        self.texts = Texts(public_url)
        self.is_open = is_open
        self._sealer = sealer

    async def post(self, connection: AsyncConnection, mail: Mail, user_id: str | None) -> None:
        """Leave a mail to a user; one to an address that no server would take is dropped.

        Without the user's id it outlives their account.
        """
        if self.is_open and split_address(mail.to) is not None:
            await self._leave(connection, mail.kind, user_id, mail)

    async def notify(self, connection: AsyncConnection, me: Me, make: Callable[[str, str], Mail]) -> None:
        """Leave what `make` makes of address and user name, if the address is known to be theirs."""
        if me.email is not None and me.email_verified:
            await self.post(connection, make(me.email, me.username), me.id)

    async def request(self, connection: AsyncConnection, purpose: Purpose, email: str) -> None:
        """Leave word that a link to this address was asked for.

        The same work for every address: nobody learns from it whether an account has that one.
        """
        if self.is_open and split_address(email) is not None:
            await self._leave(connection, f"{purpose}_requested", None, Request(purpose, email))

    async def _leave(
        self, connection: AsyncConnection, kind: str, user_id: str | None, content: Mail | Request
    ) -> None:
        mail_id = new_id()
        sealed = self._sealer.seal(mail_id, content)
        await mails.insert_mail(connection, mail_id=mail_id, kind=kind, user_id=user_id, sealed=sealed)
