"""The Python client without a server, or against one of a few lines."""
