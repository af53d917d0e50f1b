"""What the bench runs in processes of their own: the peers that are scripts."""
