"""The slot of search: runs what `bench/search.py` measures, on a store of its own, where there is one."""

import importlib
import importlib.util
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any

from bench.load.load_process import LoadFailed
from bench.store.effort import Effort
from deploy.local.data_dir import DataDir
from deploy.local.migrations import migrate
from deploy.local.postgres import postgres_url
from deploy.local.servers import EmbeddedServers, ExternalUrls

_MODULE = "bench.search"


async def measure_search(effort: Effort) -> dict[str, Any]:
    """Return its figures, `queries` among them: p50 and p99 by kind. Raises LoadFailed without it."""
    if importlib.util.find_spec(_MODULE) is None:
        raise LoadFailed("this checkout cannot search: there is no bench/search.py")
    search: Any = importlib.import_module(_MODULE)
    options = Namespace(messages=effort.searched_messages, queries=effort.searches)
    nobody = ExternalUrls(nats="nats://none", redis="redis://none")
    with tempfile.TemporaryDirectory() as folder, DataDir.open(Path(folder) / "data") as data_dir:
        async with EmbeddedServers(data_dir, nobody) as servers:
            await migrate(servers.endpoints.database_url)
            admin_url = postgres_url(data_dir, as_admin=True)
            figures: dict[str, Any] = await search.run(servers.endpoints.database_url, admin_url, options)
    return figures
