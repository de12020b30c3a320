"""`greenlane verify`: the stranger's check of a receipt; all of it lives in `greenlane.verify`."""

from greenlane.verify.command import add_arguments, run

__all__ = ["add_arguments", "run"]
