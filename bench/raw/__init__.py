"""The physical limit: a process that does nothing but write to its sockets."""
