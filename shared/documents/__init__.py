"""What is generated from the registry: OpenAPI, AsyncAPI, the page for people, the web client's TypeScript.

Pure functions of the contracts. The gateway serves the documents; `python -m shared.documents` writes.
"""

from shared.documents.asyncapi import build_asyncapi
from shared.documents.openapi import build_openapi
from shared.documents.page import build_page
from shared.documents.typescript import build_typescript

__all__ = ["build_asyncapi", "build_openapi", "build_page", "build_typescript"]
