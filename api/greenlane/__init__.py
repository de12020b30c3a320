"""Greenlane: the permissioned ledger of a green-supply-chain network.

The floors of this package, top to bottom, are listed in docs/life-of-an-event.md; imports run down only.
"""
