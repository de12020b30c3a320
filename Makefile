help:
	@echo "make setup"
