"""Each service may say and hear on the bus what its code does, and nobody what another is believed for."""

import re

import pytest

from deploy.local.data_dir import DataDir
from deploy.local.nats import USERS, nats_program
from tests.deployment.bus_permissions import covers, find_excess, find_missing, read_permissions
from tests.deployment.dockerfile import DEPLOY

PERMISSIONS = (DEPLOY / "nats" / "permissions.conf").read_text(encoding="utf-8")
SERVER = (DEPLOY / "nats" / "server.conf").read_text(encoding="utf-8")


def test_there_is_a_user_for_each_service_and_for_whoever_reads_the_feed():
    assert set(read_permissions(PERMISSIONS)) == set(USERS)


def test_what_the_code_says_and_hears_is_allowed():
    assert not find_missing(read_permissions(PERMISSIONS))


def test_what_one_is_believed_for_nobody_else_may_say():
    assert not find_excess(read_permissions(PERMISSIONS))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"svc.presence.>", "chat.signal.>"', '"chat.signal.>"', "gateway may not publish svc.presence"),
        ('subscribe: ["rpc.>", "svc.auth.>"', 'subscribe: ["svc.auth.>"', "auth may not subscribe rpc.auth"),
        ('"chat.presence.>", "health', '"health', "presence may not publish chat.presence"),
        ('"auth.revoked", "chat.user.>"', '"chat.room.>", "chat.user.>"', "auth may publish chat.room"),
        (
            'publish: ["chat.presence.>"',
            'publish: [">", "chat.presence.>"',
            "presence may publish rpc.messages",
        ),
    ],
)
def test_a_wrong_permission_is_noticed(old: str, new: str, complaint: str):
    assert old in PERMISSIONS
    users = read_permissions(PERMISSIONS.replace(old, new, 1))
    assert any(each.startswith(complaint) for each in find_missing(users) + find_excess(users))


def test_a_password_that_is_written_down_is_noticed():
    with pytest.raises(ValueError, match="secret-word"):
        read_permissions(PERMISSIONS.replace("$NATS_AUTH_PASSWORD\n", '"secret-word"\n'))


@pytest.mark.parametrize(
    ("pattern", "subject", "is_covered"),
    [
        ("rpc.>", "rpc.messages.send", True),
        ("rpc.>", "rpc", False),
        ("chat.*.>", "chat.room.1.message.created", True),
        ("chat.*", "chat.room.1", False),
        ("chat.room.1", "chat.room.>", False),
        ("chat.>", "chat.room.>", True),
        ("auth.revoked", "auth.revoked", True),
    ],
)
def test_patterns_are_read_as_the_bus_reads_them(pattern: str, subject: str, is_covered: bool):
    assert covers(pattern, subject) is is_covered


def test_the_server_is_set_as_that_of_one_machine_is(tmp_path):
    """What is tested everywhere else runs with the same limits and the same promise of the disk."""
    with DataDir.open(tmp_path / "data") as data_dir:
        nats_program(data_dir)
        local = (data_dir.path / "nats.conf").read_text(encoding="utf-8")
    for name in ("max_payload", "ping_interval", "sync_interval"):
        [here], [there] = (re.findall(rf"\b{name}: ([^\s}}]+)", text) for text in (SERVER, local))
        assert here == there
    assert 'include "permissions.conf"' in SERVER
