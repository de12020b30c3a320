"""The network of one anvil: started, stopped and mended."""
