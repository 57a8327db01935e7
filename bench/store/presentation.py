"""The figures of a run as tables and as a chart. Pure: figures in, text out."""

from collections.abc import Iterator
from typing import Any

from bench.load import tables
from bench.load.charts import Bar, Panel, draw
from bench.load.tables import MakeTables, Rows, Table, show_cores
from bench.load.verdicts import Figures
from bench.store.sends import LOADS
from bench.store.verdicts import OURS


def make_tables(figures: Figures) -> Iterator[Table]:
    """Return a title and rows for each scenario that was run."""
    return tables.make_tables(_TABLES, figures)


def _milliseconds(row: dict[str, Any]) -> str:
    return f"{row['p50_ms']:,.1f} / {row['p99_ms']:,.1f} ms"


def _speed(row: dict[str, Any]) -> str:
    per_s = row["per_s"]
    return f"{per_s['median']:,.0f}/s ({per_s['min']:,.0f} to {per_s['max']:,.0f})"


def _faults(row: dict[str, Any]) -> str:
    names = ("unacked", "copies_missing", "copies_doubled", "refused")
    wrong = [f"{row[name]:,} {name.replace('_', ' ')}" for name in names if row[name]]
    return ", ".join(wrong) or "none"


def _limits(found: Figures) -> Iterator[Table]:
    rows = [("fsyncs of 8 KiB", f"{found['fsyncs_per_s']:,}/s")]
    rows += [
        (f"PostgreSQL alone, {count} row{'s' if count != '1' else ''} a commit", f"{per_s:,} rows/s")
        for count, per_s in found["rows_per_s_by_rows_per_commit"].items()
    ]
    yield "The limits of this machine, one connection", rows


def _sends(found: Figures) -> Iterator[Table]:
    for load, (rooms, members, window) in LOADS.items():
        rows = []
        for shape, row in found.items():
            if "not_run" in row:
                rows.append((shape, f"not run: {row['not_run']}"))
            else:
                rows += _shape(shape, row[load])
        title = f"Durable sends, {load}: {rooms * members:,} senders, {window} messages each under way"
        yield title, rows


def _shape(name: str, row: dict[str, Any]) -> Rows:
    transactions = f"{row['transactions_per_message']:.3f}, {row['writing_transactions_per_message']:.3f}"
    return [
        (name, _speed(row)),
        ("  to the ack, p50 / p99", _milliseconds(row["ack"])),
        ("  to the last delivery", _milliseconds(row["last_delivery"])),
        ("  transactions a message, those that write", transactions),
        ("  WAL a message", f"{row['wal_bytes_per_message']:,} bytes"),
        ("  commands in a batch", f"{row['commands_per_batch']:,}"),
        ("  cores used", show_cores(row)),
        ("  what went wrong", _faults(row)),
    ]


def _paced(found: Figures) -> Iterator[Table]:
    rows = [
        ("send to ack, p50 / p99", _milliseconds(found["ack"])),
        ("send to last delivery, p50 / p99", _milliseconds(found["last_delivery"])),
        ("cores used", show_cores(found)),
        ("what went wrong", _faults({**found, "refused": sum(found["refused"].values())})),
    ]
    yield f"{found['per_s']:,} messages a second into {found['rooms']} rooms of {found['members']}", rows


def _write_path(found: Figures) -> Iterator[Table]:
    rows = [
        (name, f"{row['per_s']:,}/s   {row['cpu_us_per_message']:,.0f} µs of the process's CPU a message")
        for name, row in found.items()
    ]
    yield "The write path alone: no NATS, no sockets, no load; 100 rooms, 1,000 commands waiting", rows


def _reads(found: Figures) -> Iterator[Table]:
    title = f"Reading a store of {found['messages']:,} messages, {found['callers']} callers at a time"
    for name, words in (("alone", title), ("while_sending", "The same, while 500 messages a second come in")):
        yield (
            words,
            [
                (
                    kind,
                    f"{_milliseconds(row)} p50 / p99   {row['per_s']:,}/s   {row['bytes']:,} bytes   CPU "
                    + ", ".join(f"{process} {ms:,.1f} ms" for process, ms in row["cpu_ms"].items()),
                )
                for kind, row in found[name].items()
            ],
        )
    sends = found["sends_meanwhile"]
    disk = found["disk"]
    rows = [
        (
            "sends meanwhile, to the ack, p50 / p99",
            f"{_milliseconds(sends['ack'])}, {sends['failed']} failed",
        ),
        ("filled in", f"{found['filled_s']:,} s"),
        ("disk a message, everything counted", f"{disk['bytes_per_message']:,} bytes"),
    ]
    for table, size in disk["by_table"].items():
        megabytes = [f"{size[part] / 1e6:,.0f} MB" for part in ("heap_bytes", "index_bytes")]
        rows.append((f"  {table}", "rows {}, indexes {}".format(*megabytes)))
    yield "That store", rows


def _search(found: Figures) -> Iterator[Table]:
    title = f"Searching {found['messages']:,} messages, p50 / p99"
    yield title, [(kind, _milliseconds(row)) for kind, row in found["queries"].items()]


def _peer(found: Figures) -> Iterator[Table]:
    for load, row in found["loads"].items():
        yield (
            f"{found['version']} with its archive, {load}",
            [
                ("archived group chat", _speed(row)),
                ("  to the ack, p50 / p99", _milliseconds(row["ack"])),
                ("  to the last delivery", _milliseconds(row["last_delivery"])),
                ("  said, and found in the archive", f"{row['messages']:,}, {row['archived']:,}"),
                ("  cores used", show_cores(row)),
                ("  what went wrong", _faults(row)),
            ],
        )


_TABLES: dict[str, MakeTables] = {
    "limits": _limits,
    "sends": _sends,
    "paced": _paced,
    "write_path": _write_path,
    "reads": _reads,
    "search": _search,
    "peer": _peer,
}


def make_chart(figures: Figures) -> str | None:
    """Return the chart of what was sent, if that was run."""
    panels = [panel for load in LOADS if (panel := _panel(figures, load)) is not None]
    return draw(panels, "Durable sends a second, ours and others'") if panels else None


def _panel(figures: Figures, load: str) -> Panel | None:
    shapes = {name: row[load] for name, row in figures.get("sends", {}).items() if load in row}
    if not shapes:
        return None
    speeds = {name: row["per_s"]["median"] for name, row in shapes.items()}
    peer = figures.get("peer", {})
    if "loads" in peer:
        speeds[peer["version"]] = peer["loads"][load]["per_s"]["median"]
    bars = [Bar(name, per_s, f"{per_s:,.0f}/s", name == OURS) for name, per_s in speeds.items()]
    return Panel(f"Durable sends, {load}", bars, "From socket to socket, fsync on, same run; more is better")
