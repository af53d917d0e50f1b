"""Loading text: from lines and documents to typed rows, as COPY does it."""
