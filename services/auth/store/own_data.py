"""What the auth service knows of a person, for their export: one section for each kind, read page by page.

Never secrets, nor what is derived from one: hashes, sealed seeds, keys. A new table gets its section here.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, bindparam, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import (
    api_tokens,
    audit_log,
    bots,
    consents,
    imported_accounts,
    invitations,
    logins,
    passkeys,
    recovery_codes,
    totp,
    users,
)
from shared.clock import to_wire

PAGE_ROWS = 500


class Section(Struct, frozen=True):
    """Rows of one kind: their columns by name, whose they are, and what they are sorted by."""

    name: str
    columns: dict[str, Any]
    key: ColumnElement[Any]
    """Unique among one person's rows."""
    owner: tuple[ColumnElement[Any], ...]
    """Any of these holds the person's id."""


def _columns(*columns: ColumnElement[Any]) -> dict[str, Any]:
    return {str(column.key): column for column in columns}


_ME = bindparam("me", type_=UUID(as_uuid=False))
_u, _l, _t, _p = users.c, logins.c, api_tokens.c, passkeys.c

SECTIONS = (
    Section(
        "profile",
        _columns(
            _u.id, _u.username, _u.display_name, _u.role, _u.bio, _u.avatar_file_id, _u.email,
            _u.email_verified, _u.locale, _u.timezone, _u.created_at, _u.deactivated_at,
            _u.password_expires_at,
        )
        | {"has_password": _u.password_hash.is_not(None)},
        _u.id,
        (_u.id,),
    ),
    Section(
        "logins",
        _columns(
            _l.id, _l.created_at, _l.last_used_at, _l.expires_at, _l.ended_at, _l.proved_at, _l.address,
            _l.user_agent,
        ),
        _l.id,
        (_l.user_id,),
    ),
    Section(
        "totp",
        _columns(totp.c.begun_at, totp.c.confirmed_at)
        | {
            "recovery_codes_left": select(func.count())
            .where(recovery_codes.c.user_id == totp.c.user_id)
            .scalar_subquery()
        },
        totp.c.user_id,
        (totp.c.user_id,),
    ),
    Section(
        "passkeys",
        _columns(_p.id, _p.name, _p.transports, _p.is_backed_up, _p.created_at, _p.last_used_at),
        _p.id,
        (_p.user_id,),
    ),
    Section(
        "bots",
        {"id": bots.c.user_id}
        | {
            name: select(column).where(_u.id == bots.c.user_id).scalar_subquery()
            for name, column in _columns(
                _u.username, _u.display_name, _u.bio, _u.created_at, _u.deactivated_at
            ).items()
        },
        bots.c.user_id,
        (bots.c.owner_id,),
    ),
    Section(
        "tokens",
        _columns(
            _t.id, _t.user_id, _t.name, _t.scopes, _t.created_at, _t.last_used_at, _t.expires_at, _t.ended_at
        ),
        _t.id,
        (_t.user_id, select(bots.c.owner_id).where(bots.c.user_id == _t.user_id).scalar_subquery()),
    ),
    Section(
        "consents",
        _columns(consents.c.kind, consents.c.version, consents.c.accepted_at),
        consents.c.kind + literal(" ") + consents.c.version,
        (consents.c.user_id,),
    ),
    Section(
        "invitations",
        _columns(
            invitations.c.id, invitations.c.created_at, invitations.c.expires_at, invitations.c.max_uses,
            invitations.c.uses, invitations.c.revoked_at,
        ),
        invitations.c.id,
        (invitations.c.created_by,),
    ),
    Section(
        "imports",
        _columns(imported_accounts.c.person_id, imported_accounts.c.is_made, imported_accounts.c.imported_at),
        imported_accounts.c.person_id,
        (imported_accounts.c.user_id,),
    ),
    Section(
        "audit",
        _columns(
            audit_log.c.number, audit_log.c.at, audit_log.c.actor_id, audit_log.c.action,
            audit_log.c.subject_id, audit_log.c.details,
        )
        # Where an administrator was, who did something to them, is that one's own.
        | {"address": case((audit_log.c.actor_id != _ME, None), else_=audit_log.c.address)},
        audit_log.c.number,
        (audit_log.c.actor_id, audit_log.c.subject_id),
    ),
)  # fmt: skip


class Page(Struct, frozen=True):
    """Rows as JSON takes them."""

    rows: list[dict[str, Any]]
    last: Any
    """The key of the last row; None where no further page is left."""


async def read_page(connection: AsyncConnection, section: Section, user_id: str, after: Any) -> Page:
    """Return the next rows of a section, ascending by key."""
    named = [column.label(name) for name, column in section.columns.items()]
    statement = (
        select(section.key.label("key_"), *named)
        .where(or_(*(owner == user_id for owner in section.owner)))
        .order_by(section.key)
        .limit(PAGE_ROWS)
    )
    if after is not None:
        statement = statement.where(section.key > after)
    found = (await connection.execute(statement.params(me=user_id))).mappings().all()
    rows = [{name: _to_json(row[name]) for name in section.columns} for row in found]
    return Page(rows, found[-1]["key_"] if len(found) == PAGE_ROWS else None)


def _to_json(value: Any) -> Any:
    return to_wire(value) if isinstance(value, datetime) else value
