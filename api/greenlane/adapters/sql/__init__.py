"""The store in a relational database: SQLite (the embedded default) or PostgreSQL (the real one).

`open_store(url)` in `store` is the way in. `tables` says what lies where, `migrations` how it came there, and each room of the
transaction has a module of its own.
"""
