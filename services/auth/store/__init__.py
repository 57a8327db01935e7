"""All SQL of the auth service, one module per noun. Functions take the caller's connection and transaction.

Lock order, everywhere: limits, the user, their bot, the login or API token, factors, the audit log's head,
the revocation counter. Times are the database's.
"""
