"""A passkey as a proof: asks for a signature, checks it, and notes its use in the transaction of the deed."""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth.relying_party import Assertion, NotVerified, RelyingParty
from services.auth.store import audit, challenges, passkeys
from services.auth.store.audit import Deed
from services.auth.store.challenges import Challenge
from services.auth.store.database import read_clock
from services.auth.store.passkeys import Credential
from shared.contracts.passkeys import PasskeyAssertion, PasskeyChallenge
from shared.ids import new_id


class PasskeyProof(Struct, frozen=True):
    """A true signature whose use has not been noted yet."""

    user_id: str
    passkey_id: str
    assertion: Assertion


class PasskeyProofs:
    """Challenges and what comes back."""

    def __init__(self, engine: AsyncEngine, party: RelyingParty) -> None:
        self._engine = engine
        self._party = party

    async def ask(self, connection: AsyncConnection, user_id: str | None) -> PasskeyChallenge:
        """Ask for a signature by a passkey of that user, or by anybody's."""
        allowed = await passkeys.list_credentials(connection, user_id) if user_id else []
        asked = Challenge(self._party.create_challenge(), user_id)
        challenge_id, now = new_id(), await read_clock(connection)
        await challenges.insert_challenge(connection, challenge_id, "get", asked, now)
        return PasskeyChallenge(challenge_id, self._party.ask_to_sign(asked.challenge, allowed))

    async def check(
        self, challenge_id: str, answer: PasskeyAssertion, user_id: str | None
    ) -> PasskeyProof | None:
        """Return whose passkey has signed; None if that is not certain. The challenge is spent either way.

        `user_id` is whom the challenge was for: the same that `ask` was given.
        """
        async with self._engine.begin() as connection:
            challenge = await challenges.take(connection, challenge_id, "get")
            credential_id = self._party.find_id(answer)
            credential = await passkeys.find_credential(connection, credential_id) if credential_id else None
        if challenge is None or credential is None or challenge.user_id != user_id:
            return None
        if user_id is not None and credential.user_id != user_id:
            return None
        return self._verify(answer, challenge, credential)

    def _verify(
        self, answer: PasskeyAssertion, challenge: Challenge, credential: Credential
    ) -> PasskeyProof | None:
        try:
            assertion = self._party.verify_signature(answer, challenge.challenge, credential)
        except NotVerified:
            return None
        return PasskeyProof(credential.user_id, credential.passkey_id, assertion)

    @staticmethod
    async def spend(connection: AsyncConnection, proof: PasskeyProof, address: str) -> bool:
        """Note the use of the passkey of a locked account; False, and a line in the log, if it was copied."""
        if await passkeys.note_use(
            connection, proof.passkey_id, proof.assertion.sign_count, backed_up=proof.assertion.is_backed_up
        ):
            return True
        deed = Deed(
            "passkey.refused",
            subject_id=proof.user_id,
            address=address,
            details={"passkey_id": proof.passkey_id, "reason": "the counter did not go forward"},
        )
        await audit.record(connection, deed)
        return False
