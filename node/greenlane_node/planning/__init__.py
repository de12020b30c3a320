"""The plan of a network: what all its centers agree on, and the file that says it."""
