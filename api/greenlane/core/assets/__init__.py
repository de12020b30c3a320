"""Green assets: what evidence says, what is issued out of it, how it is bought, and what its retirement claims."""
