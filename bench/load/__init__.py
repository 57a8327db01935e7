"""The load tool: people, sockets and what they measure. Knows the protocol, not the scenario."""
