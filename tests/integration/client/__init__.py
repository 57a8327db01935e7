"""The Python client against a running ChatCraft."""
