"""How often one may register or guess a password: which buckets an attempt is charged to.

In PostgreSQL, where signing in needs it anyway: one count for all replicas, nothing more to run or lose.
"""

from datetime import timedelta
from hashlib import blake2b

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain
from services.auth.store import limits as stored
from services.auth.store.limits import Bucket
from shared.addresses import group_address, is_of_this_machine
from shared.contracts.errors import ErrorCode
from shared.errors import ChatError

# An attempt is charged before the password is looked at, so that 50 at once are 50, and given back if it
# was right: only failures count. Burst, then one in so many seconds, at a rate factor of 1.
_REGISTRATIONS = (60, 10.0)  # a class or an office registers from one address
_REGISTRATIONS_LOCAL = (1_000, 1.0)  # programs that try it out on the machine that it runs on
_GUESSES_HERE = (10, 6.0)  # one account from one address
_GUESSES_ACCOUNT = (50, 15.0)  # one account from anywhere: 5,800 a day against a list of 11,611 refused ones
_MINTINGS = (60, 60.0)  # bots and API tokens of one owner: each leaves rows, and a name, that stay
_GUESSES_ADDRESS = (50, 10.0)  # any account from one address
_ALARMS = (1, 3_600.0)  # entries of the audit log about an account, or an address, that is being guessed at
# Of a million codes three are right at a time: 720 tries a day find one in 460 days, on average.
_CODES_HERE = (5, 30.0)
_CODES_ACCOUNT = (10, 120.0)
# A page asks for a challenge when it opens; each is a row for five minutes.
_CHALLENGES = (60, 2.0)

_EXPORTS = (3, 28_800.0)  # of everything about one person: three a day

_MAILS_ADDRESS = (20, 60.0)  # links that one address asks for without being signed in
_MAILS_TO = (3, 600.0)  # links of one kind to one e-mail address: nobody's mailbox is flooded through us
_MAILS_BY = (5, 600.0)  # links that one user asks for, to addresses they name


class Limits:
    """The limits of a deployment, all multiplied by its rate factor."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def registration(self, address: str) -> list[Bucket]:
        """Return what a registration is charged to."""
        limit = _REGISTRATIONS_LOCAL if is_of_this_machine(address) else _REGISTRATIONS
        return [self._bucket(limit, "register", group_address(address))]

    def minting(self, owner_id: str) -> list[Bucket]:
        """Return what a new bot, or a new API token, is charged to."""
        return [self._bucket(_MINTINGS, "mint", owner_id)]

    def guess(self, login: str, address: str, *, is_known_here: bool) -> list[Bucket]:
        """Return what a try at a password is charged to.

        `is_known_here`: the account has lately signed in from this address. Then what others use up
        elsewhere does not count, so that no attacker locks the owner out.
        """
        account, place = domain.fold_username(login), group_address(address)
        here = self._bucket(_GUESSES_HERE, "here", account, place)
        if is_known_here:
            return [here]
        return [
            here,
            self._bucket(_GUESSES_ACCOUNT, "account", account),
            self._bucket(_GUESSES_ADDRESS, "address", place),
        ]

    def alarm(self, login: str, address: str) -> list[Bucket]:
        """Return what a record of slowed guesses is charged to, so that an attack does not fill the log."""
        account, place = domain.fold_username(login), group_address(address)
        return [self._bucket(_ALARMS, "alarm of an account", account), self._bucket(_ALARMS, "alarm", place)]

    def code(self, user_id: str, address: str, *, is_known_here: bool) -> list[Bucket]:
        """Return what a try at a second factor is charged to; `is_known_here` as for a guess."""
        here = self._bucket(_CODES_HERE, "code here", user_id, group_address(address))
        return [here] if is_known_here else [here, self._bucket(_CODES_ACCOUNT, "code account", user_id)]

    def challenge(self, address: str) -> list[Bucket]:
        """Return what a challenge for a passkey is charged to."""
        return [self._bucket(_CHALLENGES, "challenge", group_address(address))]

    def export(self, user_id: str) -> list[Bucket]:
        """Return what an export is charged to."""
        return [self._bucket(_EXPORTS, "export", user_id)]

    def asking_for_mail(self, address: str) -> list[Bucket]:
        """Return what it is charged to that somebody who is not signed in asks for a link."""
        return [self._bucket(_MAILS_ADDRESS, "mail from", group_address(address))]

    def mail_to(self, email: str, purpose: str) -> list[Bucket]:
        """Return what a link to an address is charged to, whoever asked for it."""
        return [self._bucket(_MAILS_TO, "mail to", purpose, email.lower())]

    def mail_by(self, user_id: str) -> list[Bucket]:
        """Return what a link is charged to that a user asks for."""
        return [self._bucket(_MAILS_BY, "mail by", user_id)]

    def _bucket(self, limit: tuple[int, float], *key: str) -> Bucket:
        burst, interval_s = limit
        return Bucket(
            # A digest: people type passwords into the wrong field.
            key=blake2b("\0".join(key).encode(), digest_size=16).digest(),
            interval=timedelta(seconds=interval_s / self._factor),
            burst=max(1, round(burst * self._factor)),
        )


async def charge(connection: AsyncConnection, buckets: list[Bucket]) -> None:
    """Charge an attempt. Raises ChatError `rate_limited`, upon which the transaction rolls back."""
    wait = await stored.charge(connection, buckets)
    if wait is not None:
        raise refuse(wait)


def refuse(wait: timedelta) -> ChatError:
    """Return what a caller is told who has to wait for so long."""
    retry_after_ms = int(wait.total_seconds() * 1_000) + 1
    return ChatError(ErrorCode.RATE_LIMITED, "too many attempts", retry_after_ms=retry_after_ms)
