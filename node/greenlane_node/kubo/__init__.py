"""A center's documents node: Kubo in the private swarm of the network's centers."""
