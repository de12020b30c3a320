"""What the services need from the world, as protocols, and the errors each may raise."""
