"""Erasing a user's actions."""
