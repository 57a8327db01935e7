"""Run the presence service: `python -m services.presence`."""

from services.presence.app import create_app
from services.presence.settings import PresenceSettings
from shared.lifecycle import serve
from shared.settings import load_settings


def main() -> None:
    """Entry point; all settings come from the environment."""
    settings = load_settings(PresenceSettings)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
