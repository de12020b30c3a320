"""One outside thing each, behind the port it serves."""
