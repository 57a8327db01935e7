"""The parts of e-mail, put together: the postbox that commands leave mails in, and who sends them."""

from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.mail.links import LinkMailer
from services.auth.mail.postbox import Postbox
from services.auth.mail.sealing import MailSealer
from services.auth.mail.sender import Sender
from services.auth.mail.settings import MailSettings
from services.auth.mail.transports import choose_transport


class Mailing:
    """`sender` is None while the settings name neither a server nor a folder."""

    def __init__(self, engine: AsyncEngine, settings: MailSettings, sealer: MailSealer) -> None:
        transport = choose_transport(settings)
        self.postbox = Postbox(sealer, settings.auth_public_url, is_open=transport is not None)
        self.links = LinkMailer(self.postbox)
        self.sender = (
            Sender(engine, sealer, transport, self.links, sender=settings.sender) if transport else None
        )
