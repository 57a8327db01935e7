"""Ask the private port of this container whether it serves: `python -m shared.probe [/livez]`.

For container engines, whose health checks are commands; Kubernetes asks over HTTP by itself.
"""

import http.client
import os
import sys

_TIMEOUT_S = 5.0


def is_well(port: int, path: str) -> bool:
    """Tell whether GET `path` on the loopback's `port` is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    asked = sys.argv[1] if len(sys.argv) > 1 else "/readyz"
    sys.exit(not is_well(int(os.environ["CHATCRAFT_HEALTH_PORT"]), asked))
