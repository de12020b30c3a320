"""What fraudsters try with green assets, and who refuses it."""
