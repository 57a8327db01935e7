"""The figures of a run as tables and as a chart. Pure: figures in, text out."""

from collections.abc import Iterator
from typing import Any

from bench.gateway.fan_out import OURS
from bench.gateway.verdicts import compare_to_limit
from bench.load import tables
from bench.load.charts import Bar, Panel, draw
from bench.load.tables import MakeTables, Table, show_spread
from bench.load.verdicts import Figures

# Beyond this many times the limit a bar would leave no room for the others to differ.
_FAR = 10

_FAULTS = ("lost", "doubled", "gaps", "resets")


def make_tables(figures: Figures) -> Iterator[Table]:
    """Return a title and rows for each scenario that was run."""
    return tables.make_tables(_TABLES, figures)


def _percentiles(row: dict[str, Any]) -> str:
    return "   ".join(f"{name} {show_spread(row[f'{name}_ms'])}" for name in ("p50", "p99", "p999"))


def _cores(row: dict[str, Any]) -> str:
    server, load = row["server_cores"], row["generator_cores"]
    if isinstance(server, dict):
        server, load = server["median"], load["median"]
    return f"server {server:.2f}, generator {load:.2f} of a core"


def _against_limit(row: dict[str, Any]) -> str:
    if "times_the_limit" not in row:
        return "the limit was not run"
    return f"{show_spread(row['times_the_limit'])} times raw"


def _cost(us: dict[str, float]) -> str:
    return f"{show_spread(us, 0)} µs"


def _speed(row: dict[str, Any]) -> str:
    return f"{row['deliveries_per_s']:,}/s   {_cores(row)}"


def _deliveries(found: Figures) -> Iterator[Table]:
    for size, row in found["sizes"].items():
        rows = [
            (name, f"{show_spread(each['us_per_delivery'])} µs   {_against_limit(each)}   {_speed(each)}")
            for name, each in row["contenders"].items()
        ] + [(name, f"not run: {reason}") for name, reason in row["not_run"].items()]
        yield f"CPU per delivery, one event at a time, {int(size):,} members", rows


def _bursts(found: Figures) -> Iterator[Table]:
    rows = [
        (
            f"{joined} joined",
            f"{show_spread(row['deliveries_per_core_s'], 0)} deliveries/s a core   {_speed(row)}",
        )
        for joined, row in found["joined"].items()
    ]
    yield f"Bursts into one room of {found['members']:,}, {found['frame_bytes']} bytes an event", rows


def _latency(found: Figures) -> Iterator[Table]:
    rows = [
        (
            f"{int(rate):,}/s",
            f"{_percentiles(row)} ms   {row['missing']} missing   {_cores(row)}",
        )
        for rate, row in found["deliveries_per_s"].items()
    ]
    yield f"Delivery, NATS to client, {found['rooms']} rooms of {found['members']}", rows


def _memory(found: Figures) -> Iterator[Table]:
    rows = [
        (
            f"{rooms.replace('_', ' ')}, {int(count):,} connections",
            f"{row['rss_bytes_per_connection']:,} bytes",
        )
        for rooms, row_by_count in found.items()
        for count, row in row_by_count.items()
    ]
    yield "Memory of an idle, synced connection", rows


def _idle(found: Figures) -> Iterator[Table]:
    idle = found["idle"]
    rows = [(name, f"{share * 100:.2f} % of a core") for name, share in idle["cores_used"].items()]
    yield f"{idle['connections']:,} silent connections for {idle['seconds']:g} s, pings included", rows


def _connects(found: Figures) -> Iterator[Table]:
    rows = []
    for rooms, row in found.items():
        rate, cost = show_spread(row["connects_per_s"], 0), _cost(row["gateway_us_per_connect"])
        rows.append((rooms.replace("_", " "), f"{rate}/s   {cost}   {_cores(row)}"))
    yield "Handshake, ready and sync; gateway CPU each", rows


def _attention(found: Figures) -> Iterator[Table]:
    rows = [
        (
            name,
            f"{_cost(row['us_per_event'])} an event   {row['bytes_per_event']:,} bytes out   {_cores(row)}",
        )
        for name, row in found["rooms"].items()
    ]
    rows.append(("saved", f"{show_spread(found['times_less'], 1)} times less CPU"))
    yield f"A room of {found['members']:,}, {found['looking']} look, {found['events_per_s']:g} events/s", rows


def _storm(found: Figures) -> Iterator[Table]:
    rows = [
        ("all synced / all whole", f"{show_spread(found['synced_s'])} / {show_spread(found['whole_s'])} s"),
        (" / ".join(_FAULTS), " / ".join(str(found[each]) for each in _FAULTS)),
        ("queries that reached PostgreSQL", f"{found['queries']:,}, {found['queries_per_client']} a client"),
        ("rooms answered", ", ".join(f"{name} {count:,}" for name, count in found["elements"].items())),
        ("cores used", ", ".join(f"{name} {share}" for name, share in found["cores_used"].items())),
    ]  # fmt: skip
    yield f"{found['clients']:,} clients cut at once, {found['messages_while_cut']} messages meanwhile", rows


_TABLES: dict[str, MakeTables] = {
    "deliveries": _deliveries,
    "bursts": _bursts,
    "latency": _latency,
    "memory": _memory,
    "idle": _idle,
    "connects": _connects,
    "attention": _attention,
    "storm": _storm,
}


def _cost_panels(costs: dict[str, float]) -> list[Panel]:
    """Return those near the limit on one scale, and those far from it, with ours, on another."""
    bars = [Bar(name, cost, f"{cost:,.2f} µs", name == OURS) for name, cost in costs.items()]
    if not bars:
        return []
    near = [bar for bar in bars if bar.value < _FAR * bars[0].value]
    far = [bar for bar in bars if bar.is_ours or bar not in near]
    note = "Server CPU, one event at a time, same bytes, same run; less is better"
    return [
        Panel("What a delivery costs, 1,000 in a room", near, note),
        Panel("The same, on the scale of those far from it", far, note),
    ]


def make_chart(figures: Figures) -> str | None:
    """Return the chart, if what it shows was run."""
    panels = _cost_panels(compare_to_limit(figures)) if "sizes" in figures.get("deliveries", {}) else []
    if "joined" in figures.get("bursts", {}):
        rates = {k: row["deliveries_per_core_s"]["median"] for k, row in figures["bursts"]["joined"].items()}
        bars = [Bar(f"{k} at once", rate, f"{rate:,.0f}/s", is_ours=True) for k, rate in rates.items()]
        panels.append(
            Panel(
                "Deliveries a second and gateway core", bars, "Bursts of events into one room; more is better"
            )
        )
    return draw(panels, "The gateway's figures beside the limit and its peers") if panels else None
