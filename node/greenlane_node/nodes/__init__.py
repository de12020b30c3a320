"""The nodes of the chain as a command asks them: which are ours, which can be believed, what they tell."""
