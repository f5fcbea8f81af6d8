"""Counts, funnels and retention."""
