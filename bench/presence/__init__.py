"""What presence costs: users who come and go, those who watch them, and the limit of Redis beside it."""
