"""Every setting of every service is described for those who run it."""

import importlib
import inspect
import re

from shared.settings import ServiceSettings
from tests.architecture.sources import ROOT, read_sources

OPERATIONS = ROOT / "docs" / "operations.md"
DEPLOY_VARIABLE = re.compile(r"CHATCRAFT_[A-Z_]+")


def list_settings() -> set[str]:
    """Return the environment variables that the services read, and those of `chatcraft up`."""
    modules = ["shared.settings"]
    modules += [s.module for s in read_sources("services") if s.module.endswith(".settings")]
    classes = [
        found
        for module in modules
        for found in vars(importlib.import_module(module)).values()
        if inspect.isclass(found) and issubclass(found, ServiceSettings)
    ]
    fields = {f"CHATCRAFT_{name.upper()}" for found in classes for name in found.model_fields}
    named = {
        variable
        for source in read_sources("deploy", "shared")
        for _, text in source.strings()
        for variable in DEPLOY_VARIABLE.findall(text)
    }
    return fields | named


def test_every_setting_is_described():
    described = OPERATIONS.read_text(encoding="utf-8")
    assert not {name for name in list_settings() if f"`{name}`" not in described}


def test_nothing_is_described_that_does_not_exist():
    described = set(re.findall(r"`(CHATCRAFT_[A-Z_]+)`", OPERATIONS.read_text(encoding="utf-8")))
    assert described <= list_settings()
