"""The stranger: judges a receipt with the standard library and core, and nothing else."""
