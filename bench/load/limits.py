"""The limit of the same machine in the same run: what its disk and PostgreSQL do with nothing around."""

import os
import time
from pathlib import Path

import asyncpg


async def measure_commits(database_url: str, seconds: float, rows: int) -> float:
    """Return rows/s that one connection makes durable with `rows` in each transaction."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS public.bench_commits (id bigint, body text)")
        ids, bodies = list(range(rows)), ["x" * 200] * rows
        statement = await connection.prepare(
            "INSERT INTO public.bench_commits SELECT * FROM unnest($1::bigint[], $2::text[])"
        )
        done = 0
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s:
            await statement.fetch(ids, bodies)
            done += rows
        return done / seconds
    finally:
        await connection.execute("DROP TABLE IF EXISTS public.bench_commits")
        await connection.close()


def measure_fsyncs(folder: Path, seconds: float) -> float:
    """Return how many times a second 8 KiB, one page of WAL, become durable in a file there. Blocks."""
    path = folder / "fsync-probe"
    with path.open("wb", buffering=0) as file:
        page = b"x" * 8192
        file.write(page * 1024)
        os.fsync(file.fileno())
        done = 0
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s:
            file.seek(done % 1024 * len(page))  # written over, as PostgreSQL does with a WAL segment
            file.write(page)
            os.fdatasync(file.fileno())
            done += 1
    path.unlink()
    return done / seconds
