"""All SQL of the messages service, by noun; functions take a connection and are called by commands."""
