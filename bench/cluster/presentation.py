"""The figures of a run as tables. Pure: figures in, text out."""

from collections.abc import Iterator

from bench.cluster.spread import ALONE, SHARED
from bench.load import tables
from bench.load.tables import MakeTables, Rows, Table, show_spread
from bench.load.verdicts import Figures

_WRONG = ("lost", "doubled", "gaps", "unanswered")
_PARTS = ("gateway", "nats", "haproxy")


def make_tables(figures: Figures) -> Iterator[Table]:
    """Return a title and rows for each scenario that was run."""
    return tables.make_tables(_TABLES, figures)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _latency(row: dict[str, float]) -> str:
    return f"{row['p50_ms']:,.1f} / {row['p99_ms']:,.1f} / {row['max_ms']:,.0f} ms" if row else "none"


def _away(row: dict[str, float]) -> str:
    return f"{row['p50_s']:,.2f} / {row['max_s']:,.2f} s" if row else "nobody"


def _wrong(found: Figures) -> tuple[str, str]:
    return " / ".join(_WRONG), " / ".join(f"{found[name]:,}" for name in _WRONG)


def _deliveries(found: Figures) -> Iterator[Table]:
    rooms = f"{found['rooms']} rooms of {found['members']:,}"
    for way in next(iter(found["shapes"].values())):
        rows = []
        for shape, ways in found["shapes"].items():
            row = ways[way]
            costs = ", ".join(f"{part} {show_spread(row[f'{part}_us'])}" for part in _PARTS)
            speed = f"{row['deliveries_per_s']['median']:,.0f}/s"
            used, load = row["all_cores"]["median"], row["generator_cores"]["median"]
            cores = f"all {used:.2f}, generator {load:.2f} cores"
            rows.append((shape, f"µs: {costs}   {speed}   {cores}"))
        yield f"CPU per delivery, {rooms}, events {way}", rows


def _crowd(found: Figures) -> Iterator[Table]:
    doors = f"{found['gateways']} gateways, {found['haproxys']} HAProxy"
    rows = [
        ("connected in", f"{found['seconds']:,.1f} s, {found['connects_per_s']:,}/s"),
        ("attempts that failed", _counts(found["failed_attempts"])),
        ("µs a connect", _counts(found["us_per_connect"])),
        ("bytes a connection", _counts(found["rss_bytes_per_connection"])),
    ]
    yield f"{found['connections']:,} connections over {doors}", rows
    yield from _killed(found["killed"])


def _killed(found: Figures) -> Iterator[Table]:
    before, meanwhile = found["others_before"], found["others_meanwhile"]
    talk = f"{found['messages_per_s']:g} messages/s"
    yield f"A gateway killed that held {found['clients']:,} of them, {talk}", [
        ("all whole after", f"{found['whole_s']:,.2f} s; {found['not_whole']:,} not"),
        ("away, p50 / longest", _away(found["away"])),
        _wrong(found),
        ("refused; said again", f"{_counts(found['refused'])}; {_counts(found['repeated'])}"),
        ("attempts that failed", _counts(found["failed_attempts"])),
        ("rooms answered", _counts(found["rooms_answered"])),
        ("queries to PostgreSQL", f"{found['queries']:,}, {found['queries_per_client']:g} a client"),
        ("delivery to the others before, p50 / p99 / most", _latency(before["delivery"])),
        ("  meanwhile", _latency(meanwhile["delivery"])),
        ("send to ack of the others before", _latency(before["ack"])),
        ("  meanwhile", _latency(meanwhile["ack"])),
    ]  # fmt: skip


def _spread_out(found: Figures) -> Iterator[Table]:
    rows = []
    for name in (SHARED, ALONE):
        row = found[name]
        idle = ", ".join(f"{kind} {share:.3f}" for kind, share in row["idle_cores"].items() if share >= 0.001)
        rows += [
            (name, f"{row['rooms_on_node']:,} rooms, {row['rss_bytes_per_connection']:,} bytes a connection"),
            ("  cores used in silence", idle),
        ]
    for way in ("steady", "flat_out"):
        cost = found[ALONE][f"{way}_us_per_event"]
        name = f"  an event for one, {way.replace('_', ' ')}"
        rows.append((name, f"µs: gateway {cost['gateway']}, nats {cost['nats']}   {cost['per_s']:,.0f}/s"))
    position = ", ".join(f"{kind} {us}" for kind, us in found[ALONE]["us_per_position"].items())
    rows.append(("  a position asked for by the audit", f"µs: {position}"))
    yield f"{found['people']:,} people on one node, {found['rooms_each']} rooms each", rows


def _bus(found: Figures) -> Iterator[Table]:
    subjects, copies, feed = found["subjects"], found["copies"], found["feed"]
    home, elsewhere = subjects["rss_bytes_where_it_listens"], subjects["rss_bytes_elsewhere"]
    kept = f"{home:,} bytes each there, {elsewhere:,} elsewhere, {subjects['us_of_all_servers']} µs"
    yield f"The bus alone, {found['servers']} servers", [
        (f"{subjects['count']:,} subjects on one of them", kept),
        (f"a copy, {copies['listeners']} listeners", f"{copies['us_per_copy']} µs"),
        (f"the feed, {feed['at_once']:,} at once", f"{feed['per_s']:,}/s, {feed['us_per_event']} µs each"),
    ]  # fmt: skip


def _rolling(found: Figures) -> Iterator[Table]:
    rows: Rows = []
    for kind, step in found["steps"].items():
        again = _counts(step["repeated"])
        rows.append((f"  {kind}", f"{step['seconds']:,.0f} s, {step['cut']:,} cut, said again: {again}"))
    load = f"{found['clients']:,} clients, {found['messages_per_s']:g} messages/s"
    yield f"{found['restarted']} processes restarted in {found['seconds']:,.0f} s, {load}", [
        *rows,
        ("commands refused", _counts(found["refused"])),
        ("attempts to connect that failed", _counts(found["failed_attempts"])),
        ("closed with", _counts(found["close_codes"])),
        _wrong(found),
        ("away, p50 / longest", _away(found["away"])),
        ("delivery before, p50 / p99 / most", _latency(found["quiet"]["delivery"])),
        ("  while all but gateways were restarted", _latency(found["behind_the_gateways"]["delivery"])),
    ]  # fmt: skip


_TABLES: dict[str, MakeTables] = {
    "deliveries": _deliveries,
    "crowd": _crowd,
    "bus": _bus,
    "spread": _spread_out,
    "rolling": _rolling,
}
