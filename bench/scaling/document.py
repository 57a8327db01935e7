"""The tables of docs/scaling.md. Pure: figures in, Markdown out; each table stands between two marks."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor, log10

from bench.load.verdicts import Figures
from bench.scaling.demand import AT_LEAST, CONNECTIONS_PER_GATEWAY, FULL_CORE, Behaviour, Demand, reckon
from bench.scaling.limits import find_limits
from bench.scaling.units import MEASURED, Units, read_units

_USERS = (10_000, 100_000, 1_000_000)

Row = tuple[str, Callable[[Demand], str], str]


def make_tables(results: Mapping[str, Figures]) -> dict[str, str]:
    """Return the Markdown of each table by its mark."""
    units, behaviour = read_units(results), Behaviour()
    demands = [reckon(users, behaviour, units) for users in _USERS]
    return {
        "sources": _sources(results),
        "units": _units(units),
        "behaviour": _behaviour(behaviour),
        "demand": _demand(demands),
        "limits": _limits(behaviour, units),
    }


def fill(text: str, tables: Mapping[str, str]) -> str:
    """Return the document with these tables at the marks it has for them. Raises ValueError without one."""
    for mark, table in tables.items():
        pattern = re.compile(f"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
        text, count = pattern.subn(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)
        if count != 1:
            raise ValueError(f"the document has {count} places for {mark}")
    return text


def _sources(results: Mapping[str, Figures]) -> str:
    rows = []
    for name, found in results.items():
        machine = found["machine"]
        taken = machine["commit"], machine["taken_at"][:10], f"{machine['cores']} cores, {machine['cpu']}"
        rows.append((f"{name}.json", f"`{found['command']}`", *taken))
    return _table(("figures", "taken by", "at commit", "on", "machine"), rows)


def _units(units: Units) -> str:
    rows = [(each.what, f"{_short(units[each.name])} {each.unit}", f"{each.file}.json") for each in MEASURED]
    return _table(("one of these", "costs", "from"), rows)


def _behaviour(behaviour: Behaviour) -> str:
    rows = [
        ("connections of somebody online", f"{behaviour.connections_per_user:g}"),
        ("messages an hour", f"{behaviour.messages_per_hour:g}"),
        ("read marks an hour", f"{behaviour.reads_per_hour:g}"),
        ("pages of history an hour", f"{behaviour.pages_per_hour:g}"),
        ("connects an hour, of a connection", f"{behaviour.connects_per_hour:g}"),
        ("people watched, all different on a node", f"{behaviour.watched}"),
        ("busy hours a day", f"{behaviour.busy_hours_per_day:g}"),
    ]
    for kind in behaviour.kinds:
        name = f"{kind.name} rooms of {kind.connections} connections"
        rows.append((name, f"{kind.rooms_each} each, {kind.share:.0%} of messages"))
    return _table(("in the busiest hour, of everybody online", "assumed"), rows)


_REST = f"{FULL_CORE:.0%} of a core each; extrapolated"
_WORK: tuple[Row, ...] = (
    ("connections", lambda d: _short(d.load.connections), "assumed"),
    ("messages / all writes a second", lambda d: _pair(d.load.messages, d.load.writes), "assumed"),
    ("deliveries a second", lambda d: _short(d.load.deliveries), "assumed"),
    ("events, once for each node with a listener, a second", lambda d: _short(d.load.node_events),
     "reckoned: rooms dealt out by chance"),
    ("to clients, without TLS", lambda d: f"{_short(d.out_bytes_per_s * 8 / 1e6)} Mbit/s", "reckoned"),
    ("**gateways**", lambda d: f"**{d.load.gateways}**",
     f"{CONNECTIONS_PER_GATEWAY:,} connections each (measured), a core at most {FULL_CORE:.0%} full"),
    ("a gateway: CPU", lambda d: f"{d.gateway_cores / d.load.gateways:.2f} of a core", "extrapolated"),
    ("a gateway: memory", lambda d: _bytes(d.gateway_bytes), "extrapolated"),
    ("**messages** services", lambda d: _processes(d.messages_cores), _REST),
    ("of it, audits", lambda d: f"{d.messages_audit_cores:.1f} cores", "extrapolated"),
    ("**auth** services", lambda d: _processes(d.auth_cores), f"refreshes, {_REST}; logins come on top"),
    ("**presence** services", lambda d: _processes(d.presence_cores), _REST),
    ("**Redis**: CPU", lambda d: f"{d.redis_cores:.2f} cores", "extrapolated; it has one thread"),
    ("of it, presences read anew a second", lambda d: _short(d.load.reread), "reckoned"),
    ("**HAProxy**: CPU, all", lambda d: f"{d.proxy_cores:.1f} cores", "extrapolated; without TLS"),
    ("HAProxy: descriptors", lambda d: _short(d.load.connections * 2), "two a connection"),
    ("**NATS**: CPU, all servers", lambda d: f"{d.nats_cores:.1f} cores", "extrapolated: room events only"),
    ("NATS: subjects", lambda d: _short(d.load.subjects), "reckoned"),
    ("NATS: memory of each server", lambda d: _bytes(d.nats_bytes), "extrapolated"),
    ("NATS: events to gateways", lambda d: f"{_bytes(d.bus_bytes_per_s)}/s", "reckoned"),
    ("**PostgreSQL**: CPU", lambda d: f"{d.postgres_cores:.1f} cores", "extrapolated"),
    ("of it, audits", lambda d: f"{d.postgres_audit_cores:.1f} cores", "extrapolated"),
    ("PostgreSQL: positions audited a second", lambda d: _short(d.load.audited), "reckoned"),
    ("PostgreSQL: WAL", lambda d: f"{_bytes(d.wal_bytes_per_s)}/s", "extrapolated"),
    ("PostgreSQL: disk", lambda d: f"{_bytes(d.disk_bytes_per_day)} a day", "extrapolated"),
    ("one gateway lost: its people come back", lambda d: f"{_short(d.return_s)} s of a core, of all parts",
     "extrapolated"),
    ("PostgreSQL, if all come back and no ring answers",
     lambda d: f"{_short(d.return_postgres_s)} s of a core", "extrapolated"),
)  # fmt: skip


def _demand(demands: Sequence[Demand]) -> str:
    head = ("people online", *(f"{each.load.users:,}" for each in demands), "how it is known")
    return _table(head, [(name, *(show(each) for each in demands), how) for name, show, how in _WORK])


def _limits(behaviour: Behaviour, units: Units) -> str:
    first, *_ = limits = find_limits(behaviour, units)
    rows = [(each.limit.name, each.limit.size, _short(each.users)) for each in limits]
    table = _table(("what cannot be had twice", "of the size", "full at so many online"), rows)
    return f"{table}\n\n**The knee: {first.limit.name}, at about {_short(first.users)} people online.**"


def _pair(one: float, other: float) -> str:
    return f"{_short(one)} / {_short(other)}"


def _processes(cores: float) -> str:
    return f"**{max(AT_LEAST, ceil(cores / FULL_CORE))}**, {cores:.1f} cores"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _short(value: float) -> str:
    """Return a number with three digits that mean something."""
    if not value:
        return "0"
    digits = max(0, 2 - floor(log10(abs(value))))
    return f"{round(value, 2 - floor(log10(abs(value)))):,.{digits}f}"


def _bytes(value: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{_short(value)} {unit}"
        value /= 1000
    return f"{_short(value)} TB"
