"""The tables of the schema `auth`, as the store's statements name them. The migrations create them.

Keys that are searched or sorted are `COLLATE "C"`: one plain index serves both prefix and order.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = MetaData(schema="auth")

_ID = UUID(as_uuid=False)
_TIME = DateTime(timezone=True)
_KEY = Text(collation="C")

users = Table(
    "users",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("username", _KEY, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("display_key", _KEY, nullable=False),  # the display name folded: for search and order
    Column("role", String, nullable=False),
    Column("bio", Text, nullable=False),
    Column("avatar_file_id", _ID),
    Column("email", Text),
    Column("email_verified", Boolean, nullable=False),
    Column("locale", Text),
    Column("timezone", Text),
    Column("password_hash", Text),  # null: no password, another way to sign in
    Column("created_at", _TIME, nullable=False),
    Column("deactivated_at", _TIME),
    Column("password_expires_at", _TIME),  # null: never; one that was given out is for changing it
    Column("must_verify_email", Boolean, nullable=False),  # before the first login: registered by its domain
)

# Whom an import brought. The account is the person's also when its name and address have changed since.
imported_accounts = Table(
    "imported_accounts",
    metadata,
    Column("person_id", _ID, primary_key=True),  # made of where they come from
    Column("user_id", _ID, ForeignKey("auth.users.id"), nullable=False),
    Column("is_made", Boolean, nullable=False),  # by the import; else they had it before
    Column("imported_at", _TIME, nullable=False),
)

logins = Table(
    "logins",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("user_id", _ID, ForeignKey("auth.users.id"), nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("last_used_at", _TIME, nullable=False),
    Column("expires_at", _TIME, nullable=False),
    Column("ended_at", _TIME),  # the row stays until it expires: its address is one the user knows
    Column("address", Text),
    Column("user_agent", Text),
    Column("proved_at", _TIME),  # when its owner last proved who they are; null: only at its beginning
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("login_id", _ID, ForeignKey("auth.logins.id"), nullable=False),
    Column("expires_at", _TIME, nullable=False),
    Column("used_at", _TIME),  # a used one stays until it expires, to be known again if it is replayed
)

revocations = Table(
    "revocations",
    metadata,
    Column("rev", BigInteger, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject_id", _ID, nullable=False),
    Column("issued_before", _TIME, nullable=False),
    Column("until", _TIME, nullable=False),
    Column("deactivated", Boolean, nullable=False),
)

# One row. Its lock is held until commit, so that revs become visible in order and without a hole.
revocation_counter = Table(
    "revocation_counter",
    metadata,
    Column("is_only", Boolean, primary_key=True),
    Column("rev", BigInteger, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("valid_from", _TIME, nullable=False),  # signs from here on; published before that
    Column("valid_until", _TIME),  # verifies until here
)

# Keys that sign no more: only their public part is kept, for the tokens they have signed.
retired_keys = Table(
    "retired_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("public", LargeBinary, nullable=False),
    Column("valid_until", _TIME, nullable=False),
)

# Unlogged: after a crash of the database everybody may guess afresh, and no write waits for the disk.
limits = Table(
    "limits",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("full_at", _TIME, nullable=False),  # GCRA's theoretical arrival time
)

# Who answers for a bot. Its row of `users` has the role `bot` and no password.
bots = Table(
    "bots",
    metadata,
    Column("user_id", _ID, ForeignKey("auth.users.id"), primary_key=True),
    Column("owner_id", _ID, ForeignKey("auth.users.id"), nullable=False),
)

# The id stands where a login's would: in caller headers and in `revocations`.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("user_id", _ID, ForeignKey("auth.users.id"), nullable=False),  # as whom it acts
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),  # SHA-256
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("last_used_at", _TIME),  # at most a minute behind
    Column("expires_at", _TIME),  # null: until it is ended
    Column("ended_at", _TIME),
)

# Only ever appended to. Each row's hash covers the one before: what is altered or taken out shows.
audit_log = Table(
    "audit_log",
    metadata,
    Column("number", BigInteger, primary_key=True),  # dense
    Column("at", _TIME, nullable=False),
    Column("actor_id", _ID),  # null: the operator at the command line, or nobody signed in
    Column("action", Text, nullable=False),
    Column("subject_id", _ID),
    Column("address", Text),
    Column("details", JSONB, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

# One row: the end of the chain. Its lock is held until commit, so that numbers are dense.
audit_head = Table(
    "audit_head",
    metadata,
    Column("is_only", Boolean, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

totp = Table(
    "totp",
    metadata,
    Column("user_id", _ID, ForeignKey("auth.users.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("begun_at", _TIME, nullable=False),
    Column("confirmed_at", _TIME),  # null: shown and not yet asked for
    Column("last_step", BigInteger, nullable=False),  # of the last code that was taken: none counts twice
)

# A code that was used is gone.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", _ID, ForeignKey("auth.users.id"), primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("user_id", _ID, ForeignKey("auth.users.id"), nullable=False),
    Column("credential_id", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),  # COSE
    Column("sign_count", BigInteger, nullable=False),  # stays 0 where its maker does not count
    Column("transports", JSONB, nullable=False),
    Column("is_backed_up", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("last_used_at", _TIME),
)

# What a passkey is asked to sign. Gone once tried.
challenges = Table(
    "challenges",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("user_id", _ID, ForeignKey("auth.users.id")),  # null: whoever has the passkey
    Column("challenge", LargeBinary, nullable=False),
    Column("expires_at", _TIME, nullable=False),
)

# Somebody has given the right password and owes a second factor.
pending_logins = Table(
    "pending_logins",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", _ID, ForeignKey("auth.users.id"), nullable=False),
    Column("password_mark", LargeBinary, nullable=False),  # a digest of the stored hash: void with it
    Column("expires_at", _TIME, nullable=False),
    Column("tries_left", SmallInteger, nullable=False),
)

# What waits to be sent. Sealed: the tokens of links are in there, and nowhere else in the clear.
mails = Table(
    "mails",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("user_id", _ID, ForeignKey("auth.users.id")),  # null: asked for by somebody not signed in
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("due_at", _TIME, nullable=False),  # when to send it; while it is being sent, when to try again
    Column("attempts", Integer, nullable=False),
)

# Links that were mailed: each is used once, by deleting its row.
email_links = Table(
    "email_links",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("user_id", _ID, ForeignKey("auth.users.id"), nullable=False),
    Column("email", Text, nullable=False),  # the address it was sent to
    Column("expires_at", _TIME, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("created_by", _ID, ForeignKey("auth.users.id"), nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("expires_at", _TIME, nullable=False),
    Column("max_uses", Integer, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("revoked_at", _TIME),
)

# What people have agreed to, or declared, when: a version of the terms, an age.
consents = Table(
    "consents",
    metadata,
    Column("user_id", _ID, ForeignKey("auth.users.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("accepted_at", _TIME, nullable=False),
)

# A ZIP that is being made, or can be downloaded.
exports = Table(
    "exports",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("user_id", _ID, ForeignKey("auth.users.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_at", _TIME, nullable=False),
    Column("ready_at", _TIME),
    Column("expires_at", _TIME),
    Column("progress", JSONB, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),  # so far
    Column("parts", Integer, nullable=False),
    Column("due_at", _TIME, nullable=False),  # when to work on it; while somebody does, when to take it over
    Column("attempts", Integer, nullable=False),  # names who works on it
)

# What the ZIP's directory, at its end, says of each document.
export_entries = Table(
    "export_entries",
    metadata,
    Column("export_id", _ID, ForeignKey("auth.exports.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("offset_bytes", BigInteger, nullable=False),
    Column("crc", BigInteger, nullable=False),
    Column("plain_bytes", BigInteger, nullable=False),
    Column("packed_bytes", BigInteger, nullable=False),
)

export_parts = Table(
    "export_parts",
    metadata,
    Column("export_id", _ID, ForeignKey("auth.exports.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# The sagas. A row stays for good: it is what the receipt is asked for.
erasures = Table(
    "erasures",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("user_id", _ID, ForeignKey("auth.users.id"), nullable=False),
    Column("bot_ids", ARRAY(_ID), nullable=False),  # erased with their owner
    Column("receipt_hash", LargeBinary, nullable=False),
    Column("messages", Text, nullable=False),
    Column("requested_at", _TIME, nullable=False),
    Column("begun_at", _TIME),
    Column("finished_at", _TIME),
    Column("progress", JSONB, nullable=False),
    Column("due_at", _TIME, nullable=False),
    Column("attempts", Integer, nullable=False),
)

erasure_steps = Table(
    "erasure_steps",
    metadata,
    Column("erasure_id", _ID, ForeignKey("auth.erasures.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("finished_at", _TIME, nullable=False),
)
