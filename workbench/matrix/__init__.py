"""The type matrix: every MySQL type with its edge values, moved and read back."""
