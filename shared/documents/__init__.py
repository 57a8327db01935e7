"""What is generated from the registry: OpenAPI, AsyncAPI and the web client's TypeScript.

Pure functions of the contracts. The gateway serves the two documents; `python -m shared.documents` writes.
"""

from shared.documents.asyncapi import build_asyncapi
from shared.documents.openapi import build_openapi
from shared.documents.typescript import build_typescript

__all__ = ["build_asyncapi", "build_openapi", "build_typescript"]
