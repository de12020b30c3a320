"""Alembic's migrations of the store: `versions` holds one file for each step, never edited once released."""
