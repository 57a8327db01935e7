"""Runs the auth service: `python -m services.auth`."""

import sys

from pydantic import ValidationError

from services.auth.app import create_app
from services.auth.settings import AuthSettings
from shared.lifecycle import serve


def main() -> None:
    """Read the environment and serve until told to stop."""
    try:
        settings = AuthSettings()
    except ValidationError as exc:
        # Never the value: it may be a secret.
        lines = [f"CHATCRAFT_{str(error['loc'][0]).upper()}: {error['msg']}" for error in exc.errors()]
        sys.exit("\n".join(lines))
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
