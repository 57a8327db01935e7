"""Run the auth service: `python -m services.auth`."""

from services.auth.app import create_app
from services.auth.settings import AuthSettings
from shared.lifecycle import serve
from shared.settings import load_settings


def main() -> None:
    """Entry point; all settings come from the environment."""
    settings = load_settings(AuthSettings)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
