"""The nodes of a home as processes of this machine."""
