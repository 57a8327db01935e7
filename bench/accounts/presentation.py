"""The figures of a run as tables. Pure: figures in, text out."""

from collections.abc import Iterator
from typing import Any

from bench.accounts.token_checks import BARE
from bench.load import tables
from bench.load.tables import MakeTables, Rows, Table, show_cores, show_spread
from bench.load.verdicts import Figures

_FAULTS = ("unacked", "copies_missing", "copies_doubled", "refused")


def make_tables(figures: Figures) -> Iterator[Table]:
    """Return a title and rows for each scenario that was run."""
    return tables.make_tables(_TABLES, figures)


def _statuses(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} times {status}" for status, count in sorted(counts.items()))


def _rate(row: dict[str, Any]) -> str:
    return f"{row['per_s']['median']:,.0f}/s"


def _requests(row: dict[str, Any]) -> Rows:
    return [
        ("a second", f"{show_spread(row['per_s'], 0)}/s"),
        ("p50 / p99", f"{row['p50_ms']:,.1f} / {row['p99_ms']:,.1f} ms"),
        ("answers", _statuses(row["statuses"])),
        ("cores used", show_cores(row)),
    ]


def _logins(found: Figures) -> Iterator[Table]:
    alone = ("hashing pool alone", f"{show_spread(found['hashing_alone_per_s'], 0)}/s")
    yield "Logins with a password", [*_requests(found), alone]


def _refreshes(found: Figures) -> Iterator[Table]:
    yield "Refreshes", _requests(found)


def _token_checks(found: Figures) -> Iterator[Table]:
    bare_us = found[BARE]["us"]["median"]
    rows = [
        (
            name,
            f"{show_spread(row['us'])} µs   {_rate(row)}   {row['us']['median'] / bare_us:.2f} times {BARE}",
        )
        for name, row in found.items()
        if name != "tokens"
    ]
    yield f"Who presents a token, one core, {found['tokens']:,} tokens", rows


def _endings(found: Figures) -> Iterator[Table]:
    until = f"until all sockets are closed, p50 / p99 / longest of {found['logouts']}"
    taken = " / ".join(f"{found[name]:,.1f}" for name in ("p50_ms", "p99_ms", "max_ms"))
    yield f"Logouts, a socket on each of {found['gateways']} gateways", [(until, f"{taken} ms")]


def _flood(found: Figures) -> Iterator[Table]:
    rows = []
    for name in ("quiet", "flooded"):
        row = found[name]
        ack, last = row["ack"], row["last_delivery"]
        rows += [
            (f"{name}: send to ack, p50 / p99", f"{ack['p50_ms']:,.1f} / {ack['p99_ms']:,.1f} ms"),
            ("  to the last delivery", f"{last['p50_ms']:,.1f} / {last['p99_ms']:,.1f} ms"),
            ("  unacked / missing / doubled / refused",
             " / ".join(str(row[each]) for each in _FAULTS)),
            ("  cores used", show_cores(row)),
        ]  # fmt: skip
    flood = found["flood"]
    rows += [
        ("the flood was answered", f"{flood['answered_per_s']:,}/s: {_statuses(flood['statuses'])}"),
        ("  429 within, p99", f"{flood['refused_p99_ms']:,.1f} ms"),
        ("  not offered, no link was free", f"{flood['not_offered']:,}"),
    ]
    talk = f"{found['messages_per_s']:.0f} messages/s into {found['rooms']} rooms of {found['members']}"
    yield f"{talk}, {found['offered_per_s']:.0f} logins/s beside them", rows


_TABLES: dict[str, MakeTables] = {
    "logins": _logins,
    "refreshes": _refreshes,
    "token_checks": _token_checks,
    "endings": _endings,
    "flood": _flood,
}
