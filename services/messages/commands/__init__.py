"""One handler per command and call, by noun. `register` ties them all to the dispatcher."""
