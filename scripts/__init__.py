"""What the Makefile calls: setup, checks, demo, benchmarks, crash and audit runs. Nothing here is imported by the packages."""
