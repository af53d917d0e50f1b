"""The local AWS: one process, one port, 127.0.0.1 only."""
