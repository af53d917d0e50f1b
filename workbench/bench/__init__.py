"""The bench: this pipeline and its peers in turns, on one MariaDB, equal results or no time."""
