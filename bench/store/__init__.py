"""The message store: sends from socket to socket, pages of a large one, and what others make of the same."""
