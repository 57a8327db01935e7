"""Presence on a real Valkey and a real NATS."""
