"""Which way imports point: the contracts in `.importlinter`, and what pure modules may know."""

import sys
from pathlib import PurePosixPath

from importlinter import cli

from tests.architecture.sources import ROOT, Source, read_sources

# No I/O, no clock, no chance: what a pure module must not even import.
IMPURE = {"asyncio", "os", "random", "secrets", "socket", "subprocess", "threading", "time"}
PURE_STDLIB = sys.stdlib_module_names - IMPURE
PURE_SHARED = ("shared.addresses", "shared.contracts", "shared.errors", "shared.ids", "shared.clock")
PURE_IN_GATEWAY = {"cursor", "frames", "ring"}


def is_pure(source: Source) -> bool:
    """Whether the rules of purity hold for a file: the contracts, each domain, the gateway's core."""
    parts = PurePosixPath(source.path).with_suffix("").parts
    if parts[:2] == ("shared", "contracts") or "domain" in parts:
        return True
    return parts[:2] == ("services", "gateway") and parts[-1] in PURE_IN_GATEWAY


def find_impure_imports(source: Source) -> list[str]:
    """Return what a file imports beyond the standard library's pure part, msgspec and pure neighbours."""
    own = source.module.rpartition(".")[0]
    allowed = (*PURE_SHARED, own)
    return [
        name
        for name in source.imports()
        if name.split(".")[0] not in PURE_STDLIB | {"msgspec"}
        and not any(name == module or name.startswith(f"{module}.") for module in allowed)
    ]


def test_imports_point_inward():
    assert cli.lint_imports(str(ROOT / ".importlinter"), no_logo=True) == 0


def test_contracts_and_domains_know_no_framework_no_clock_and_no_chance():
    impure = {source.path: find_impure_imports(source) for source in read_sources("services", "shared")}
    assert not {path: found for path, found in impure.items() if found and is_pure(Source(path, ""))}
