"""Several nodes: what they cost, what they carry, and what people feel of one that goes."""
