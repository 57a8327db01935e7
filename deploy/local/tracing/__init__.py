"""`chatcraft trace`: the way of one message, from what the stores and the gateways know anyway.

Nothing is kept for it; what has been forgotten is said to be. Never reads the text.
"""
