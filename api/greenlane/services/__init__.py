"""Use cases, one verb a file; they never import one another."""
