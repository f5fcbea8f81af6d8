"""Benchmarks on the real components. Each ends with one line ``RESULT {json}`` and keeps its history in results/."""
