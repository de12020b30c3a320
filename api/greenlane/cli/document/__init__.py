"""The documents of a member, on its own machine: store, fetch, encrypt, share, revoke; and of an operator: carry a store."""
