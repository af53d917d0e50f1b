"""Glue interactive sessions: each session is one Python process with its own Spark."""
