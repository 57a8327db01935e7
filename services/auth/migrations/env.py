"""Alembic's entry for the schema `auth`; `shared.migrate` has the connection and the rules."""

from shared.migrate import run_env

run_env("auth")
