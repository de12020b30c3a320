"""The chain: bindings of our contracts, and what sends transactions to them."""
