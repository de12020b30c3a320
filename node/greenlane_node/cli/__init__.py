"""The node's command line, one file a command."""
