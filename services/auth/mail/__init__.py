"""E-mail: its texts, the outbox it waits in, and who sends it. Nothing here is called by a client."""
