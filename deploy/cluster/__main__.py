"""`python -m deploy.cluster`, behind `make cluster`: a whole cluster on this machine until Ctrl-C.

Reads options and says who runs where; what is started, and in which order, is in `cluster.py`.
"""

import asyncio
import sys
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from deploy.cluster.cluster import Cluster
from deploy.cluster.topology import BACK_SERVICES, DEFAULT_COUNTS, MAX_OF_A_KIND, PUBLIC_NAME
from deploy.local.cli import INTERRUPTED_EXIT_CODE, raise_file_limit
from deploy.local.console import Console
from deploy.local.data_dir import DataDir
from deploy.local.doctor.targets import note_running
from deploy.local.errors import StartError
from deploy.local.mail import describe_mail
from deploy.local.supervisor import Supervisor
from deploy.local.up import FEED_URL_FILE, claim_port, has_web_client, run_until_stopped

# Not that of `chatcraft up`, whose bus is a single server.
DEFAULT_DATA_DIR = Path(".chatcraft-cluster")

Count = Annotated[int, typer.Option(min=1, max=MAX_OF_A_KIND, help="How many processes.")]


def cluster(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of HAProxy; 0: any.")] = 8080,
    data_dir: Annotated[Path, typer.Option(help="What is kept between runs.")] = DEFAULT_DATA_DIR,
    gateways: Count = DEFAULT_COUNTS["gateway"],
    auth: Count = DEFAULT_COUNTS["auth"],
    messages: Count = DEFAULT_COUNTS["messages"],
    presence: Count = DEFAULT_COUNTS["presence"],
    nats: Count = DEFAULT_COUNTS["nats"],
) -> None:
    """Run HAProxy, gateways, services, a NATS cluster, PostgreSQL and Valkey on this machine until Ctrl-C.

    Each is a process with an address of loopback of its own, and is started again when it dies.
    """
    counts = {"gateway": gateways, "auth": auth, "messages": messages, "presence": presence, "nats": nats}
    raise_file_limit()
    with DataDir.open(data_dir) as opened, Console() as console:
        console.say(f"ChatCraft {metadata.version('chatcraft')}, a cluster, data in {data_dir}\n")
        asyncio.run(_run(opened, counts, port, console))


async def _run(data_dir: DataDir, counts: dict[str, int], port: int, console: Console) -> None:
    supervisor = Supervisor(console)
    with claim_port(PUBLIC_NAME, port) as chosen:
        mail_env, mail_folder = describe_mail(data_dir, f"http://{PUBLIC_NAME}:{chosen}")
        running = Cluster(
            data_dir, counts=counts, host=PUBLIC_NAME, port=chosen, env=mail_env,
            log=lambda name: partial(console.log, name), add_layer=supervisor.add_layer,
        )  # fmt: skip

        async def start() -> None:
            await running.start()
            _leave_word(data_dir, running)
            console.say()
            if mail_folder is not None:
                console.say(f"E-mails are written to {mail_folder}.")
            if not has_web_client():
                console.say("The web client is not built, only the API answers; `make web` builds it.")
            console.address(running.url)

        await run_until_stopped(start(), supervisor, console)


def _leave_word(data_dir: DataDir, running: Cluster) -> None:
    """For `chatcraft feed-url`, `doctor`, `trace` and `admin`."""
    data_dir.write_private(FEED_URL_FILE, running.endpoints.nats_url_by_user["feed"] + "\n")
    services = [name for kind in (*BACK_SERVICES, "gateway") for name in running.topology.list_names(kind)]
    places = {name: running.health_url(name).removeprefix("http://") for name in services}
    note_running(data_dir, running.url, ["postgres", "valkey", *running.topology.list_names("nats")], places)


def main() -> None:
    """Entry point: `python -m deploy.cluster`."""
    try:
        typer.run(cluster)
    except (StartError, OSError) as exc:
        sys.exit(f"chatcraft: {exc}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_EXIT_CODE)


if __name__ == "__main__":
    main()
