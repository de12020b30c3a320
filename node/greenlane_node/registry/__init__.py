"""What a center does and sees on the registry: proposals, votes, acts, refusals in words."""
