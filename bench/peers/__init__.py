"""Servers that others use for the same work, fetched from their registries and started by the benchmark."""
