"""What the overlay `dev` would run really starts and serves: the image's packages, the manifests' commands,
environment, secrets and probes, as processes on loopback. The nearest thing to a cluster without an engine.
"""

import asyncio
import importlib.metadata
import resource
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx2
import pytest

from deploy.local.ports import pick_free
from tests.databases import DatabaseFactory
from tests.deployment.cluster import SERVICES, Cluster, Places
from tests.deployment.containers import of_compose, read_compose
from tests.deployment.image import build
from tests.deployment.rendering import Manifests
from tests.deployment.running import HOST, Process
from tests.deployment.test_dockerfile import SERVERS
from tests.wire import PASSWORD, People, Person, eventually, new_id, read

# As an address of loopback it is as good as any, and not that of the proxy.
CLIENT = "127.0.0.9"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stands for /opt/chatcraft."""
    return build(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
async def cluster(
    rendered: Mapping[str, Manifests],
    image: Path,
    databases: DatabaseFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    running = Cluster(Places(rendered["dev"], image, folder, await databases.create_empty()))
    try:
        await running.start()
        yield running
    finally:
        await running.stop()


def list_packages(image: Path) -> Path:
    """Return where its packages are."""
    [packages] = image.glob("lib/python3.*/site-packages")
    return packages


@pytest.mark.timeout(400)
def test_the_image_has_what_is_locked_and_nothing_to_develop_or_install_with(image: Path):
    packages = list_packages(image)
    found = {each.metadata["Name"].lower() for each in importlib.metadata.distributions(path=[str(packages)])}
    assert {"chatcraft", "fastapi", "asyncpg", "nats-py"} <= found
    assert not found & {"pytest", "ruff", "mypy", "pip", "uv", "kubernetes-validate", *SERVERS}
    assert not [each for each in (packages / "services").rglob("*") if "tests" in each.parts]
    assert (packages / "services" / "presence" / "scripts" / "prelude.lua").is_file()
    assert (packages / "services" / "auth" / "data" / "common_passwords.txt.gz").is_file()


@pytest.mark.timeout(400)
async def test_every_pod_becomes_ready_and_a_message_goes_from_one_to_the_other(cluster: Cluster):
    for migration in cluster.migrations:
        assert migration.process.returncode == 0, migration.read_log()
    await cluster.wait_ready()
    for name in SERVICES:
        assert await cluster.processes[name].ask("livenessProbe")
    async with httpx2.AsyncClient(timeout=30) as http:
        people = People([cluster.url], http)
        anna, ben = await people.register("anna"), await people.register("ben")
        room_id = await anna.create_room(members=(ben,))
        async with ben.socket() as socket:
            sent = await anna.send(room_id, "It runs.")
            event = await socket.wait_for_event("message.created", id=sent["id"])
            assert event["d"]["text"] == "It runs."
            page = await http.get(cluster.url)
            assert "<!doctype html" in page.text[:20].lower()
            assert "make web" not in page.text
            port = cluster.processes["gateway"].ports["health"]
            metrics = (await http.get(f"http://{HOST}:{port}/metrics")).text
    assert "\nchatcraft_gateway_connections 1.0\n" in metrics


@pytest.mark.timeout(400)
async def test_a_gateway_takes_as_many_descriptors_as_it_may_have(cluster: Cluster):
    await cluster.wait_ready()
    gateway = cluster.processes["gateway"]
    soft, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard
    assert "too_few_descriptors" not in gateway.read_log()


@pytest.mark.timeout(400)
async def test_no_service_writes_on_the_disk_that_is_read_only(cluster: Cluster):
    await cluster.wait_ready()
    for name in SERVICES:
        assert not cluster.processes[name].list_written()


@pytest.mark.timeout(400)
async def test_health_checks_of_container_engines_tell_who_is_well(cluster: Cluster, image: Path):
    await cluster.wait_ready()
    check = [image / "bin" / "python", "-m", "shared.probe"]

    def ask(port: int, *path: str) -> int:
        env = {"PYTHONSAFEPATH": "1", "CHATCRAFT_HEALTH_PORT": str(port)}
        return subprocess.run([*check, *path], env=env, cwd="/", timeout=30, check=False).returncode

    port = cluster.processes["auth"].ports["health"]
    assert await asyncio.to_thread(ask, port) == 0
    assert await asyncio.to_thread(ask, port, "/livez") == 0
    assert await asyncio.to_thread(ask, port, "/nowhere") == 1
    assert await asyncio.to_thread(ask, pick_free()) == 1


@pytest.mark.timeout(400)
async def test_the_proxy_of_compose_leads_to_a_gateway_and_is_believed_on_who_asks(
    cluster: Cluster, deploy_copy: Path
):
    await cluster.wait_ready()
    secrets = {
        folder.name: {file.name: file.read_text() for file in folder.iterdir()}
        for folder in (deploy_copy / "secrets").iterdir()
        if folder.is_dir()
    }
    [gateway] = [each for each in of_compose(read_compose(), secrets) if each.name == "gateway"]
    url = await cluster.start_behind_proxy(gateway)
    transport = httpx2.AsyncHTTPTransport(local_address=CLIENT)
    claims = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Chat-Client": "web"}
    async with httpx2.AsyncClient(transport=transport, timeout=30) as http:
        body = {"username": f"user-{new_id()[:8]}", "password": PASSWORD}
        registered = await http.post(f"{url}/api/v1/auth/register", json=body, headers=claims)
        assert registered.headers["set-cookie"].startswith(
            "chat_refresh="
        )  # TLS was claimed, and was not there
        person = Person(url, read(registered)["user"], read(registered)["tokens"], http)
        [login] = (await person.rest("GET", "/auth/logins", headers=claims))["logins"]
        assert login["address"] == CLIENT
        room_id = await person.create_room()
        async with person.socket() as socket:
            sent = await person.send(room_id, "Through the proxy.")
            await socket.wait_for_event("message.created", id=sent["id"])


async def is_unready(process: Process) -> bool:
    return not await process.ask("readinessProbe")


@pytest.mark.timeout(400)
async def test_everybody_ends_in_order_within_the_grace_it_is_given(
    cluster: Cluster, rendered: Mapping[str, Manifests]
):
    graces_s = rendered["dev"].graces_s()
    await cluster.wait_ready()
    gateway = cluster.processes["gateway"]
    leaving = asyncio.create_task(gateway.stop(graces_s["gateway"]))
    await eventually(lambda: is_unready(gateway))
    async with httpx2.AsyncClient(timeout=30) as http:  # unready, and yet it serves who has not noticed
        assert (await http.get(cluster.url)).status_code == 200
    assert await leaving == 0
    for name in ("presence", "messages", "auth"):
        process = cluster.processes[name]
        # Having stopped, uvicorn ends of the signal that it was asked by, where it can.
        assert await process.stop(graces_s[name]) in {0, -signal.SIGTERM}, process.read_log()
        assert '"event":"stopped"' in process.read_log()
