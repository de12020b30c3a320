"""What a facility had of each material, out of its events, and how much of it a statement may still claim. Pure."""
