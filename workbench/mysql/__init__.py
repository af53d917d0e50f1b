"""A MySQL-protocol source of our own: a MariaDB server, its sample data, and its changes."""
