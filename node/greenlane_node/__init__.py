"""The local and the real network of validators: keys, genesis, processes, health."""
