"""What every service shares: contracts, the bus, and the parts below them. Never imports `services`."""
