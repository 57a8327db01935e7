"""Chaos: people talk while a seed's schedule breaks everything, and at the end all must be whole.

`make chaos SEED=7 MINUTES=5`, and a short run of it in tests/faults/test_chaos.py.
"""
