"""A center's part in the network over time: joining, keys and places changed, who is let in."""
