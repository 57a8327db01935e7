"""Commands of the factors by which a user signs in: TOTP, recovery codes, passkeys.

Whatever changes them wants a fresh proof (`auth.step_up`) and ends the user's other logins.
"""

from msgspec import Struct

from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Id, PasskeyName, ProofCode
from shared.contracts.passkeys import PasskeyAttestation, PasskeyChallenge
from shared.contracts.registry import DELETE, GET, PATCH, POST, command


class Passkey(Struct, frozen=True):
    id: str
    name: str
    created_at: str
    last_used_at: str | None
    backed_up: bool
    """Whether its maker keeps a copy elsewhere, so that it outlives the device."""


class Factors(Struct, frozen=True):
    has_password: bool
    totp_since_at: str | None
    """Since when a password alone is not enough; null: it is."""
    recovery_codes_left: int
    passkeys: list[Passkey]


class TotpBegun(Struct, frozen=True):
    """Shown once. `qr_svg` is a whole SVG document that shows `otpauth_url`."""

    secret: str
    otpauth_url: str
    qr_svg: str


class ConfirmTotp(Struct, frozen=True):
    code: ProofCode


class RecoveryCodes(Struct, frozen=True):
    """Shown once; each is good for one sign-in."""

    recovery_codes: list[str]


class AddPasskey(Struct, frozen=True):
    challenge_id: Id
    credential: PasskeyAttestation
    name: PasskeyName


class RenamePasskey(Struct, frozen=True):
    passkey_id: Id
    name: PasskeyName


class RemovePasskey(Struct, frozen=True):
    passkey_id: Id


list_factors = command(
    "factors.list", Empty, Factors, "List by what the caller signs in",
    service="auth", http=GET("/auth/factors"),
)  # fmt: skip
begin_totp = command(
    "factors.begin_totp", Empty, TotpBegun, "Make a TOTP secret; it counts once confirmed",
    service="auth", http=POST("/auth/factors/totp"), errors=(ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
confirm_totp = command(
    "factors.confirm_totp", ConfirmTotp, RecoveryCodes, "Turn TOTP on with a first code",
    service="auth", http=POST("/auth/factors/totp/confirm"),
    errors=(ErrorCode.FORBIDDEN, ErrorCode.CONFLICT, ErrorCode.MFA_FAILED),
)  # fmt: skip
remove_totp = command(
    "factors.remove_totp", Empty, Empty, "Turn TOTP off; its recovery codes go with it",
    service="auth", http=DELETE("/auth/factors/totp"), errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND),
)  # fmt: skip
renew_recovery_codes = command(
    "factors.renew_recovery_codes", Empty, RecoveryCodes, "Make new recovery codes; the old ones are void",
    service="auth", http=POST("/auth/factors/recovery_codes"),
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND),
)  # fmt: skip
begin_passkey = command(
    "factors.begin_passkey", Empty, PasskeyChallenge, "What a browser needs to make a passkey",
    service="auth", http=POST("/auth/factors/passkeys/options"),
    errors=(ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
add_passkey = command(
    "factors.add_passkey", AddPasskey, Passkey, "Add a passkey that a browser has made",
    service="auth", http=POST("/auth/factors/passkeys"), status=201,
    errors=(ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
rename_passkey = command(
    "factors.rename_passkey", RenamePasskey, Passkey, "Give a passkey another name",
    service="auth", http=PATCH("/auth/factors/passkeys/{passkey_id}"), errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
remove_passkey = command(
    "factors.remove_passkey", RemovePasskey, Empty, "Remove a passkey, unless it is the last way in",
    service="auth", http=DELETE("/auth/factors/passkeys/{passkey_id}"),
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
)  # fmt: skip
