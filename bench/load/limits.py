"""The limit of the same machine in the same run: what PostgreSQL commits with nothing around it."""

import time

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
