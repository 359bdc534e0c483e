"""Simulations of how often intervals, tests and cautions hold; `benchmarks/coverage.py` prints their tables."""
