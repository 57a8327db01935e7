"""Commands of accounts elsewhere: sign in at an OpenID Connect provider, and which of them are one's own.

No provider's e-mail address signs anybody in: it leads to a link that the owner of the account confirms.
"""

from typing import ClassVar

from msgspec import Struct

from shared.contracts.auth import SecondFactor, SecondFactorDue, SignedIn
from shared.contracts.entities import Empty, Tokens, User
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import DisplayName, Id, Issuer, ProviderId, Secret, TermsVersion, Username
from shared.contracts.registry import DELETE, GET, POST, REST_ONLY, Access, command


class BeginOidc(Struct, frozen=True):
    provider_id: ProviderId


class OidcBegun(Struct, frozen=True):
    """For ten minutes. Keep `state` and `binding` in this browser alone, and go to `authorization_url`."""

    authorization_url: str
    state: str
    binding: str
    """Never in a URL: it shows that who comes back is who went."""


class FinishOidc(Struct, frozen=True):
    state: Secret
    binding: Secret
    code: Secret
    iss: Issuer | None = None
    """As it stood in the address, if it did (RFC 9207)."""


class LinkDue(Struct, frozen=True):
    """An account here has the address: sign in to it by its own ways, then confirm by `identities.link`."""

    link_token: str
    """For ten minutes."""
    link_hint: str
    """The e-mail address that the provider has verified."""


class Suggestion(Struct, frozen=True):
    username: str
    display_name: str
    email: str | None
    """Becomes the account's verified address. Null: the provider has verified none."""


class RegistrationDue(Struct, frozen=True):
    """Nobody here yet: `auth.register_oidc` makes the account, within ten minutes."""

    registration_token: str
    suggested: Suggestion


class OidcReply(Struct, frozen=True, omit_defaults=True):
    """One of four shapes, in one struct because nothing on the wire tells which it is."""

    either: ClassVar[tuple[type[Struct], ...]] = (SignedIn, SecondFactorDue, LinkDue, RegistrationDue)

    user: User | None = None
    tokens: Tokens | None = None
    mfa_token: str | None = None
    methods: list[SecondFactor] | None = None
    link_token: str | None = None
    link_hint: str | None = None
    registration_token: str | None = None
    suggested: Suggestion | None = None


class RegisterOidc(Struct, frozen=True):
    registration_token: Secret
    username: Username
    display_name: DisplayName | None = None
    """The user name if absent."""
    invitation: Secret | None = None
    accepts_terms: TermsVersion | None = None
    is_old_enough: bool = False


class Identity(Struct, frozen=True):
    id: str
    provider_id: str
    provider_name: str
    email: str | None
    """What the provider last said."""
    linked_at: str
    last_used_at: str | None


class Identities(Struct, frozen=True):
    identities: list[Identity]


class LinkIdentity(Struct, frozen=True):
    link_token: Secret


class RemoveIdentity(Struct, frozen=True):
    identity_id: Id


begin_oidc = command(
    "auth.begin_oidc", BeginOidc, OidcBegun, "Begin to sign in at a provider",
    service="auth", http=POST("/auth/oidc/{provider_id}"), access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
finish_oidc = command(
    "auth.finish_oidc", FinishOidc, OidcReply, "Finish it with what the provider gave the browser",
    service="auth", http=POST("/auth/oidc"), access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN),
)  # fmt: skip
register_oidc = command(
    "auth.register_oidc", RegisterOidc, SignedIn, "Create an account for who has signed in at a provider",
    service="auth", http=POST("/auth/oidc/register"), status=201, access=Access.PUBLIC, doors=REST_ONLY,
    errors=(ErrorCode.UNAUTHENTICATED, ErrorCode.CONFLICT, ErrorCode.FORBIDDEN),
)  # fmt: skip
list_identities = command(
    "identities.list", Empty, Identities, "List the caller's accounts at providers",
    service="auth", http=GET("/users/me/identities"),
)  # fmt: skip
link_identity = command(
    "identities.link", LinkIdentity, Identity, "Confirm that an account at a provider is the caller's",
    service="auth", http=POST("/users/me/identities"), status=201,
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
)  # fmt: skip
begin_identity = command(
    "identities.begin", BeginOidc, OidcBegun, "Begin to add an account at a provider",
    service="auth", http=POST("/users/me/identities/{provider_id}/begin"),
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
)  # fmt: skip
add_identity = command(
    "identities.add", FinishOidc, Identity, "Add it with what the provider gave the browser",
    service="auth", http=POST("/users/me/identities/add"), status=201,
    errors=(ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
remove_identity = command(
    "identities.remove", RemoveIdentity, Empty, "Remove an account at a provider, unless the last way in",
    service="auth", http=DELETE("/users/me/identities/{identity_id}"),
    errors=(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
)  # fmt: skip
