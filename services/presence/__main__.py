"""`python -m services.presence`: one process of the presence service, settings from the environment."""

from services.presence.app import create_app
from services.presence.settings import PresenceSettings
from shared.lifecycle import serve

if __name__ == "__main__":
    settings = PresenceSettings()
    serve(create_app(settings), settings)
