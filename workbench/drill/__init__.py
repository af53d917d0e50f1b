"""The drill: a run is hit wherever it changes something, and an ordinary run must heal it."""
