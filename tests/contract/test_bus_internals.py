"""What `shared/bus/fan_in.py` rides on inside nats-py. When this fails, it names what moved."""

import inspect
import re
from importlib import metadata

import pytest
from nats.aio.client import Client
from nats.micro.service import Endpoint, EndpointConfig, Service, ServiceConfig
from nats.protocol import command as wire

from shared.bus.fan_in import FanInClient, Subscription

RELIED_ON = "2.16.0"
# Where nats-py itself reads the entries of its table of subscriptions, ours among them.
READERS = ("_attempt_reconnect", "_close", "drain")


def test_the_version_is_the_one_that_was_read():
    assert metadata.version("nats-py") == RELIED_ON, "read the new version against shared/bus/fan_in.py first"


@pytest.mark.parametrize(
    "attribute", ["_subs", "_sid", "_pending", "_pending_data_size", "_flush_queue", "stats"]
)
def test_the_client_still_has_the_attribute(attribute):
    assert hasattr(Client(), attribute), f"nats-py moved Client.{attribute}"


def test_messages_still_come_through_process_msg():
    expected = ["self", "sid", "subject", "reply", "data", "headers"]
    assert list(inspect.signature(Client._process_msg).parameters) == expected
    assert list(inspect.signature(FanInClient._process_msg).parameters) == expected


def test_micro_still_keeps_its_endpoints_where_they_are_taken_from():
    service = Service(FanInClient(), ServiceConfig(name="x", version="1.0.0"))
    assert service._endpoints == []
    endpoint = Endpoint(service, EndpointConfig(name="x", handler=lambda _request: None))
    assert endpoint._subscription is None
    assert endpoint._num_requests == 0


def test_a_flush_can_still_be_forced():
    assert "force_flush" in inspect.signature(Client._flush_pending).parameters
    assert list(inspect.signature(Client.flush).parameters) == ["self", "timeout"]


def test_the_commands_on_the_wire_are_still_written_the_same_way():
    assert wire.sub_cmd("a.b", "", 7) == b"SUB a.b  7\r\n"
    assert wire.unsub_cmd(7, 0) == b"UNSUB 7 \r\n"
    assert wire.pub_cmd("a.b", "", b"hi") == b"PUB a.b  2\r\nhi\r\n"


@pytest.mark.parametrize("method", READERS)
def test_our_subscription_has_all_that_the_client_reads_of_one(method):
    source = inspect.getsource(getattr(Client, method))
    read = set(re.findall(r"\bsub\.(\w+)", source))
    assert read, f"Client.{method} no longer goes over subscriptions as `sub`: read it again"
    ours = Subscription(1, "a", lambda _subject, _payload: None)
    assert not {name for name in read if not hasattr(ours, name)}


def test_nobody_else_goes_over_the_table_of_subscriptions():
    readers = {
        name
        for name, method in inspect.getmembers(Client, inspect.isfunction)
        if re.search(r"in self\._subs\.(values|items)\(\)", inspect.getsource(method))
    }
    assert readers == set(READERS)
