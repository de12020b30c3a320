"""From a plan to files: keys described, genesis made, every node of a home configured."""
