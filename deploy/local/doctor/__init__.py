"""`chatcraft doctor`: looks at a deployment from outside and says what is wrong and what to do.

One module a place to look; each returns findings and changes nothing.
"""
