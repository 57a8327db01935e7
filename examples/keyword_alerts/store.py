"""The example's own database: places in rooms and alerts, written in one transaction. Knows no bus."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

from chatcraft_client.consume import Place

_TABLES = """
CREATE TABLE IF NOT EXISTS places (room_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, rev INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS alerts (message_id TEXT PRIMARY KEY, alert_id TEXT NOT NULL, text TEXT NOT NULL,
                                   sent INTEGER NOT NULL DEFAULT 0);
"""
_PUT_PLACE = """
INSERT INTO places VALUES (?, ?, ?)
ON CONFLICT (room_id) DO UPDATE SET epoch = excluded.epoch, rev = excluded.rev
WHERE (excluded.epoch, excluded.rev) > (epoch, rev)
"""
_PUT_ALERT = "INSERT INTO alerts (message_id, alert_id, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


class Alert(NamedTuple):
    """`alert_id` is the id of the message to send: sent twice, it is stored once."""

    message_id: str
    alert_id: str
    text: str


class Store:
    """Is the consumer's `Positions`: `load` reads what `record` wrote together with the alerts."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path)
        self._database.executescript(_TABLES)

    def record(self, room_id: str, place: Place, alerts: list[Alert]) -> None:
        """Write alerts and place, both or neither."""
        with self._database:
            self._database.executemany(_PUT_ALERT, alerts)
            self._database.execute(_PUT_PLACE, (room_id, *place))

    def list_unsent(self, limit: int = 100) -> list[Alert]:
        """Return what is still to be sent, oldest first."""
        query = "SELECT message_id, alert_id, text FROM alerts WHERE NOT sent ORDER BY rowid LIMIT ?"
        return [Alert(*row) for row in self._database.execute(query, (limit,))]

    def mark_sent(self, alert: Alert) -> None:
        """Note that the server has stored it."""
        with self._database:
            self._database.execute("UPDATE alerts SET sent = 1 WHERE message_id = ?", (alert.message_id,))

    async def load(self, room_id: str) -> Place | None:
        found = self._database.execute(
            "SELECT epoch, rev FROM places WHERE room_id = ?", (room_id,)
        ).fetchone()
        return Place(*found) if found else None

    async def save(self, room_id: str, place: Place) -> None:
        """Write places of events that were not handled; those of handled ones are there already."""
        self.record(room_id, place, [])
