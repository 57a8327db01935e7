"""Alembic's entry for the schema `messages`; `shared.migrate` has the connection and the rules."""

from shared.migrate import run_env

run_env("messages")
