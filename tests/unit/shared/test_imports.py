"""What a process loads is what it uses: starts are paid for by every restart, and by every test."""

import subprocess
import sys

import pytest

from shared.imports import without

TERMINALS = {"rich", "pygments", "typer"}


@pytest.mark.parametrize(
    ("service", "unwanted"),
    [
        ("auth", TERMINALS | {"fastapi"}),
        ("gateway", TERMINALS),
        ("messages", TERMINALS | {"fastapi"}),
        ("presence", TERMINALS | {"fastapi"}),
    ],
)
def test_a_service_loads_neither_what_draws_on_terminals_nor_an_api_it_does_not_serve(service, unwanted):
    script = f"import services.{service}.app, sys; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert not unwanted & set(shown.stdout.split())


def test_a_package_is_hidden_meanwhile_only_and_one_that_is_loaded_stays():
    with without("this"), pytest.raises(ModuleNotFoundError):
        import this  # noqa: F401 - its import is what is tried
    assert "this" not in sys.modules
    with without("pytest"):
        assert sys.modules["pytest"] is pytest
