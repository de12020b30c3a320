"""The command line: one file a command, each with `add_arguments` and `run`; nothing heavy is imported before it is needed."""
