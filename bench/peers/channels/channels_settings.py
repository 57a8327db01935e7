"""Django's settings for `channels_server.py`: nothing but the channel layer."""

import os

SECRET_KEY = "of a benchmark"
CHANNEL_LAYERS = {
    "default": {"BACKEND": os.environ["LAYER"], "CONFIG": {"hosts": [os.environ["REDIS_URL"]]}},
}
