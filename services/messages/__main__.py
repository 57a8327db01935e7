"""Run the messages service: `python -m services.messages`."""

from services.messages.app import create_app
from services.messages.settings import MessagesSettings
from shared.lifecycle import serve
from shared.settings import load_settings


def main() -> None:
    """Entry point; all settings come from the environment."""
    settings = load_settings(MessagesSettings)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
