"""What Alembic runs: every step inside the one transaction that the store opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite's DDL is transactional too, once the driver leaves BEGIN to us.
    transactional_ddl=True,
)
context.run_migrations()
