"""Commands by which a user proves who they are with more than a password, or once more."""

from typing import Literal

from msgspec import Struct

from shared.contracts.auth import SignedIn
from shared.contracts.entities import Empty
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import GivenPassword, Id, ProofCode, Secret
from shared.contracts.identities import BeginOidc, FinishOidc, OidcBegun
from shared.contracts.passkeys import PasskeyAssertion, PasskeyChallenge
from shared.contracts.registry import POST, REST_ONLY, Access, command


class TotpLogin(Struct, frozen=True):
    mfa_token: Secret
    code: ProofCode
    """A TOTP or a recovery code."""


class PasskeyOptions(Struct, frozen=True):
    mfa_token: Secret | None = None
    """With it as the second factor, without it instead of name and password."""


class PasskeyLogin(Struct, frozen=True):
    challenge_id: Id
    credential: PasskeyAssertion
    mfa_token: Secret | None = None


Proof = Literal["password", "totp", "recovery_code", "passkey", "provider"]
"""What `details.methods` of a `step_up` names: each of them is enough by itself."""


class ProviderAnswer(FinishOidc, frozen=True, forbid_unknown_fields=True):
    """What a provider gave the browser, after `auth.begin_step_up`."""


class StepUp(Struct, frozen=True):
    """A password, a code, both, a passkey with its challenge, or the answer of a provider.

    Where TOTP is on, neither a password nor a provider is enough.
    """

    password: GivenPassword | None = None
    code: ProofCode | None = None
    challenge_id: Id | None = None
    credential: PasskeyAssertion | None = None
    provider: ProviderAnswer | None = None


login_totp = command(
    "auth.login_totp", TotpLogin, SignedIn, "Finish signing in with a code",
    service="auth", http=POST("/auth/login/totp"), access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.UNAUTHENTICATED, ErrorCode.MFA_FAILED),
)  # fmt: skip
passkey_options = command(
    "auth.passkey_options", PasskeyOptions, PasskeyChallenge, "What a browser needs to sign by a passkey",
    service="auth", http=POST("/auth/passkey/options"), access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.UNAUTHENTICATED,),
)  # fmt: skip
login_passkey = command(
    "auth.login_passkey", PasskeyLogin, SignedIn, "Sign in with a passkey",
    service="auth", http=POST("/auth/login/passkey"), access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.UNAUTHENTICATED, ErrorCode.MFA_FAILED),
)  # fmt: skip
step_up = command(
    "auth.step_up", StepUp, Empty, "Prove once more that it is you, before what matters is changed",
    service="auth", http=POST("/auth/step_up"), errors=(ErrorCode.MFA_FAILED, ErrorCode.FORBIDDEN),
)  # fmt: skip
begin_step_up = command(
    "auth.begin_step_up", BeginOidc, OidcBegun, "Begin to prove it at a provider by which one signs in",
    service="auth", http=POST("/auth/step_up/{provider_id}"),
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND),
)  # fmt: skip
