"""E-mail of `chatcraft up`: into a folder of the data directory, unless the environment names a server."""

import os
from pathlib import Path

from deploy.local.data_dir import DataDir

FOLDER = "mails"


def describe_mail(data_dir: DataDir, public_url: str) -> tuple[dict[str, str], Path | None]:
    """Return what the auth service is told beyond our own environment, and the folder of mails, if any.

    Links in mails lead to `public_url` unless the environment knows a better one.
    """
    env = {}
    if not os.environ.get("CHATCRAFT_AUTH_PUBLIC_URL"):
        env["CHATCRAFT_AUTH_PUBLIC_URL"] = public_url
    if os.environ.get("CHATCRAFT_AUTH_SMTP_URL"):
        return env, None
    given = os.environ.get("CHATCRAFT_AUTH_MAIL_DIR")
    folder = Path(given).absolute() if given else data_dir.path / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    env["CHATCRAFT_AUTH_MAIL_DIR"] = str(folder)
    return env, folder
