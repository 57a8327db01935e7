"""The secret key and a backup: it is never in the same file, but a digest says which one it has to be.

Whoever has both can sign in as anybody; so they are for two places.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError

NAME = "secret_key"
_VARIABLE = "CHATCRAFT_SECRET_KEY"
_PREVIOUS_VARIABLE = "CHATCRAFT_AUTH_PREVIOUS_SECRET_KEYS"
_DIGEST_LENGTH = 32
# As short as one of 32 random bytes can be in base64: anything below is something else.
_LENGTH_MIN = 43


def digest_of(secret: str) -> str:
    """Return what tells one secret from another and gives nothing of it away: it is random, and long."""
    return hashlib.sha256(b"chatcraft secret key\0" + secret.strip().encode()).hexdigest()[:_DIGEST_LENGTH]


def find_secret(data_dir: Path) -> str | None:
    """Return the deployment's secret: of the environment, or of the data directory where that is in use."""
    if given := os.environ.get(_VARIABLE):
        return given
    # A directory with a database of its own is another deployment than the one of a URL.
    if os.environ.get("CHATCRAFT_DATABASE_URL") and DataDir.peek_port(data_dir, "postgres") is not None:
        return None
    return DataDir.peek_secret(data_dir, NAME)


def list_previous_secrets() -> Sequence[str]:
    """Return those that a change of the secret has left in use."""
    return [each for each in os.environ.get(_PREVIOUS_VARIABLE, "").split(",") if each.strip()]


def write_secret(file: IO[bytes], secret: str | None) -> None:
    """Write the secret into a file of its own. Raises StartError where it is not known here."""
    if secret is None:
        raise StartError(f"the secret key is not known here; set {_VARIABLE}, or leave out --secret-key")
    file.write(secret.strip().encode() + b"\n")


def read_secret(path: Path) -> str:
    """Read such a file. Raises StartError."""
    try:
        secret = path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        secret = ""
    if len(secret) < _LENGTH_MIN or len(secret.split()) != 1:
        raise StartError(f"{path} does not hold a secret key")
    return secret
