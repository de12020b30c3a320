"""The node's command line: `greenlane-node COMMAND`; see cli/program.py."""

import sys

from greenlane_node.cli.program import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
