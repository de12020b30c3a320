"""Documents: the names their bytes have, the blocks they are cut into, and what is stated of them."""
