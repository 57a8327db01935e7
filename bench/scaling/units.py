"""What one of each thing costs, as `bench/results/` has it. Pure: figures in, units out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.cluster.deliveries import ALL
from bench.cluster.spread import ALONE, SHARED
from bench.load.verdicts import Figures

Units = dict[str, float]

# services/gateway/presence.py
REREAD_EVERY_S = 60.0
_SILENCE = "50 watched, 0% flapping"
_SMALL_ROOMS = ("1 messages service", "100 rooms of 5")


@dataclass(frozen=True)
class Measured:
    """One unit: its name in the reckoning, what it is in words, and how it is found."""

    name: str
    what: str
    unit: str
    file: str
    find: Callable[[Figures], float]


def read_units(results: Mapping[str, Figures]) -> Units:
    """Return the units by name. Raises KeyError for results that are not of a whole run."""
    return {each.name: each.find(results[each.file]) for each in MEASURED}


def _sends(figures: Figures) -> Figures:
    found: Figures = figures["sends"][_SMALL_ROOMS[0]][_SMALL_ROOMS[1]]
    return found


def _us_per_message(part: str) -> Callable[[Figures], float]:
    def find(figures: Figures) -> float:
        found = _sends(figures)
        return float(found["cores_used"][part] / found["per_s"]["median"] * 1e6)

    return find


def _page_ms(name: str, part: str) -> Callable[[Figures], float]:
    return lambda figures: float(figures["reads"]["alone"][name]["cpu_ms"][part])


def _refresh_us(part: str) -> Callable[[Figures], float]:
    def find(figures: Figures) -> float:
        found = figures["refreshes"]
        return float(found["cores_used"][part] / found["per_s"]["median"] * 1e6)

    return find


def _lone_room_bytes(figures: Figures) -> float:
    spread = figures["spread"]
    more = spread[ALONE]["rss_bytes_per_connection"] - spread[SHARED]["rss_bytes_per_connection"]
    return float(more / spread["rooms_each"])


def _all_parts_us(figures: Figures) -> float:
    costs = figures["crowd"]["us_per_connect"]
    return float(sum(us for kind, us in costs.items() if kind != "load"))


def _reread_us(part: str) -> Callable[[Figures], float]:
    """Whoever is online is watched by somebody on the one gateway, which reads them anew every minute."""

    def find(figures: Figures) -> float:
        return float(figures["cases"][_SILENCE][part] / (figures["online"] / REREAD_EVERY_S) * 1e6)

    return find


def _audit_us(kind: str) -> Callable[[Figures], float]:
    return lambda figures: float(figures["spread"][ALONE]["us_per_position"][kind])


MEASURED = (
    Measured("connection_bytes", "a connection in 20 rooms that its node knows anyhow", "bytes", "gateway",
             lambda f: float(f["memory"]["20_rooms"]["15000"]["rss_bytes_per_connection"])),
    Measured("connect_us", "handshake, `ready` and `sync`: the gateway", "µs", "gateway",
             lambda f: float(f["connects"]["20_rooms"]["gateway_us_per_connect"]["median"])),
    Measured("delivery_us", "a delivery in a room of 1,000: the gateway", "µs", "gateway",
             lambda f: float(f["deliveries"]["sizes"]["1000"]["contenders"]["ChatCraft gateway"]
                             ["us_per_delivery"]["median"])),
    Measured("event_bytes", "an event on the wire", "bytes", "gateway",
             lambda f: float(f["bursts"]["frame_bytes"])),
    Measured("lone_room_bytes", "a room of which a node has one member: the gateway", "bytes", "cluster",
             _lone_room_bytes),
    Measured("event_us", "an event, and its delivery to one member: the gateway", "µs", "cluster",
             lambda f: float(f["spread"][ALONE]["steady_us_per_event"]["gateway"])),
    Measured("fed_us", "an event of some thousand a second, with its place in the feed: all of NATS", "µs",
             "cluster", lambda f: float(f["spread"][ALONE]["flat_out_us_per_event"]["nats"])),
    Measured("fed_per_s", "events that the feed takes, kept on three servers, all of it on two cores", "/s",
             "cluster", lambda f: float(f["bus"]["feed"]["per_s"])),
    Measured("copy_us", "a copy of an event to one node: all of NATS", "µs", "cluster",
             lambda f: float(f["bus"]["copies"]["us_per_copy"])),
    Measured("subject_bytes", "a subject that a node listens to: every server of NATS", "bytes", "cluster",
             lambda f: float(f["bus"]["subjects"]["rss_bytes_elsewhere"])),
    Measured("subject_home_bytes", "the same, the server that the node is connected to", "bytes", "cluster",
             lambda f: float(f["bus"]["subjects"]["rss_bytes_where_it_listens"])),
    Measured("audit_messages_us", "a room's position compared: the messages service", "µs", "cluster",
             _audit_us("messages")),
    Measured("audit_postgres_us", "the same: PostgreSQL", "µs", "cluster", _audit_us("postgres")),
    Measured("return_us", "a connect through HAProxy with its `sync`: all parts together", "µs", "cluster",
             _all_parts_us),
    Measured("proxy_bytes", "a connection through HAProxy", "bytes", "cluster",
             lambda f: float(f["crowd"]["rss_bytes_per_connection"]["haproxy"])),
    Measured("proxy_us", "a delivery through HAProxy", "µs", "cluster",
             lambda f: float(f["deliveries"]["shapes"][ALL]["one at a time"]["haproxy_us"]["median"])),
    Measured("send_gateway_us", "a message from one to 5 members: the gateway", "µs", "store",
             _us_per_message("gateway-0")),
    Measured("send_messages_us", "the same: the messages service", "µs", "store",
             _us_per_message("messages-0")),
    Measured("send_postgres_us", "the same: PostgreSQL", "µs", "store", _us_per_message("postgres")),
    Measured("wal_bytes", "the same: WAL", "bytes", "store",
             lambda f: float(_sends(f)["wal_bytes_per_message"])),
    Measured("disk_bytes", "the same: disk, with indexes and search", "bytes", "store",
             lambda f: float(_sends(f)["disk"]["bytes_per_message"])),
    Measured("sends_per_s", "durable messages a second, all of it on two cores", "/s", "store",
             lambda f: float(_sends(f)["per_s"]["median"])),
    Measured("room_sends_per_s", "the same into one room", "/s", "store",
             lambda f: float(f["sends"]["1 messages service"]["one room of 64"]["per_s"]["median"])),
    Measured("page_messages_ms", "the newest 50 messages of a room: the messages service", "ms", "store",
             _page_ms("history, newest 50", "messages-0")),
    Measured("page_postgres_ms", "the same: PostgreSQL", "ms", "store",
             _page_ms("history, newest 50", "postgres")),
    Measured("sync_messages_ms", "`sync` of 20 rooms that no ring answers: messages", "ms", "store",
             _page_ms("sync, 20 rooms, caught up", "messages-0")),
    Measured("sync_postgres_ms", "the same: PostgreSQL", "ms", "store",
             _page_ms("sync, 20 rooms, caught up", "postgres")),
    Measured("refresh_auth_us", "a token refreshed: the auth service", "µs", "accounts",
             _refresh_us("auth-0")),
    Measured("refresh_postgres_us", "the same: PostgreSQL", "µs", "accounts", _refresh_us("postgres")),
    Measured("reread_redis_us", "a presence that a node reads anew, leases included: Redis", "µs", "presence",
             _reread_us("valkey_cores")),
    Measured("reread_presence_us", "the same: the presence service", "µs", "presence",
             _reread_us("presence_cores")),
    Measured("transition_redis_us", "somebody comes or goes, told with others: Redis", "µs", "presence",
             lambda f: 1e6 / float(f["limit"]["transitions_per_redis_core_s"])),
    Measured("login_ms", "a login with a password: the auth service", "ms", "accounts",
             lambda f: float(f["logins"]["cores_used"]["auth-0"] / f["logins"]["per_s"]["median"] * 1e3)),
)  # fmt: skip
