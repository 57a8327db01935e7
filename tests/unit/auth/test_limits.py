"""Which limits an attempt is charged to."""

import pytest

from services.auth.limits import Limits


def registrations_at_once(address: str) -> int:
    [bucket] = Limits(1).registration(address)
    return bucket.burst


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53", "::1", "::ffff:127.0.0.1"])
def test_programs_on_the_machine_itself_may_register_many(address: str):
    assert registrations_at_once(address) == 1_000


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "127.0.0.1.example", ""])
def test_an_address_elsewhere_registers_an_office_at_once(address: str):
    assert registrations_at_once(address) == 60
