"""`greenlane` and `python -m greenlane`: the command line."""

import sys

from greenlane.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
