"""Explorers of the incremental protocol: all that can happen, and what it needs to survive it."""
