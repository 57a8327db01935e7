"""`python -m shared.documents write|check`: keep the web client's contract in step with the registry.

`typescript`, `openapi` and `asyncapi` print a document instead.
"""

import json
import sys
from pathlib import Path

from shared.documents import build_asyncapi, build_openapi, build_typescript

_CONTRACT = Path(__file__).parents[2] / "web" / "src" / "net" / "contract.gen.ts"
_USAGE = "usage: python -m shared.documents write|check|typescript|openapi|asyncapi"


def main(arguments: list[str]) -> int:
    """Return the exit status: 1 if `check` finds the file stale, 2 for wrong usage."""
    match arguments:
        case ["write"]:
            _CONTRACT.write_text(build_typescript(), encoding="utf-8")
        case ["check"]:
            return _check()
        case ["typescript"]:
            sys.stdout.write(build_typescript())
        case ["openapi"]:
            sys.stdout.write(json.dumps(build_openapi(), indent=2) + "\n")
        case ["asyncapi"]:
            sys.stdout.write(json.dumps(build_asyncapi(), indent=2) + "\n")
        case _:
            sys.stderr.write(_USAGE + "\n")
            return 2
    return 0


def _check() -> int:
    written = _CONTRACT.read_text(encoding="utf-8") if _CONTRACT.is_file() else ""
    if written == build_typescript():
        return 0
    sys.stderr.write(f"{_CONTRACT.name} is stale: run `python -m shared.documents write`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
