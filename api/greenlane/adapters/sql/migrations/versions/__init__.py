"""Steps from an empty database to the newest tables, in the order of their numbers."""
