"""An export leaves out no table of the auth service that is about people, but those named here."""

import pytest
from sqlalchemy import Table

from services.auth.models import metadata
from services.auth.store.own_data import SECTIONS

_USERS = "auth.users.id"
# Each with the reason why a person is not given what is in it.
NOT_EXPORTED = {
    "challenges": "a random number, for minutes",
    "email_links": "the hash of a link that waits to be used; the address is in the profile or not verified",
    "erasures": "begins when the account is locked out: nobody can ask for an export any more",
    "exports": "the export itself",
    "identity_tickets": "for minutes; what is linked is in `identities`",
    "mails": "wait to be sent to the person, sealed, and are gone then",
    "oidc_flows": "hashes, for minutes",
    "pending_logins": "for minutes; what comes of it is in `logins`",
    "recovery_codes": "hashes; how many are left is in `totp`",
}
ABOUT_PEOPLE = [
    table
    for table in metadata.sorted_tables
    if any(key.target_fullname == _USERS for column in table.columns for key in column.foreign_keys)
]
EXPORTED = {
    column.table.name
    for section in SECTIONS
    for column in [*section.columns.values(), *section.owner]
    if isinstance(getattr(column, "table", None), Table)
}


@pytest.mark.parametrize("table", ABOUT_PEOPLE, ids=lambda table: table.name)
def test_a_table_about_people_is_exported_or_has_a_reason_not_to_be(table: Table) -> None:
    assert (table.name in EXPORTED) != (table.name in NOT_EXPORTED)


def test_no_reason_stands_for_a_table_that_is_gone() -> None:
    assert NOT_EXPORTED.keys() <= {table.name for table in ABOUT_PEOPLE}
