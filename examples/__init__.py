"""Services of one's own around ChatCraft, to run and to copy from."""
