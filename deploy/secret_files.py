"""Make the secrets of a deployment on containers: `python3 -m deploy.secret_files [deploy/secrets]`.

One folder a container, one file a setting, for compose.yaml; and a kustomization.yaml, which makes Secrets of
Kubernetes of the same files, for the overlay `dev`. Needs Python alone. Overwrites nothing.
"""

import base64
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

_DEFAULT = Path(__file__).parent / "secrets"
_BUS_USERS = ("auth", "feed", "gateway", "messages", "presence")

Files = Mapping[str, str]
"""What a folder holds, by the name of the file."""


def make_files() -> dict[str, Files]:
    """Return fresh secrets by container; hosts are named as in compose.yaml and in the overlay `dev`."""
    # A letter first: NATS reads a value that looks like a number as one.
    bus = {user: f"p{secrets.token_hex(24)}" for user in _BUS_USERS}
    postgres, valkey = secrets.token_hex(24), secrets.token_hex(24)
    database_url = f"postgresql://chatcraft:{postgres}@postgres:5432/chatcraft"

    def nats_url(user: str) -> str:
        return f"nats://{user}:{bus[user]}@nats:4222"

    return {
        "auth": {
            "CHATCRAFT_NATS_URL": nats_url("auth"),
            "CHATCRAFT_DATABASE_URL": database_url,
            "CHATCRAFT_SECRET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        },
        "gateway": {"CHATCRAFT_NATS_URL": nats_url("gateway")},
        "messages": {"CHATCRAFT_NATS_URL": nats_url("messages"), "CHATCRAFT_DATABASE_URL": database_url},
        "presence": {
            "CHATCRAFT_NATS_URL": nats_url("presence"),
            "CHATCRAFT_REDIS_URL": f"redis://:{valkey}@valkey:6379/0",
        },
        "migrate": {"CHATCRAFT_DATABASE_URL": database_url},
        "postgres": {"password": postgres},
        "nats": {
            "passwords.env": "".join(f"NATS_{user.upper()}_PASSWORD={word}\n" for user, word in bus.items())
        },
        "valkey": {"valkey.conf": f"requirepass {valkey}\n"},
    }


def write_files(folder: Path, files_by_name: Mapping[str, Files]) -> None:
    """Write them below `folder`, which must not exist: only its owner can enter it.

    What is in it can be read by all who get that far, which containers do, as users of their own.
    """
    folder.mkdir(mode=0o700, parents=True)
    for name, files in files_by_name.items():
        (folder / name).mkdir()
        (folder / name).chmod(0o755)
        for file, text in files.items():
            (folder / name / file).write_text(text, encoding="utf-8")
            (folder / name / file).chmod(0o644)
    (folder / "kustomization.yaml").write_text(_describe(files_by_name), encoding="utf-8")


def _describe(files_by_name: Mapping[str, Files]) -> str:
    lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "secretGenerator:"]
    for name, files in files_by_name.items():
        lines.append(f"  - name: {name}")
        for key in ("envs", "files"):
            paths = [f"{name}/{file}" for file in files if file.endswith(".env") == (key == "envs")]
            lines += [f"    {key}: [{', '.join(paths)}]"] if paths else []
    return "\n".join(lines) + "\n"


def main() -> None:
    """Entry point; the one argument is the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _DEFAULT
    try:
        write_files(folder, make_files())
    except FileExistsError:
        sys.exit(f"{folder} exists: these secrets may be in use. Nothing was changed.")
    sys.stdout.write(f"{folder} holds new secrets. Keep auth/CHATCRAFT_SECRET_KEY as well as the database.\n")


if __name__ == "__main__":
    main()
