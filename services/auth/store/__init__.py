"""All SQL of the auth service, one module per noun. Functions take the caller's connection and transaction.

Lock order, everywhere: limits, the user, their logins, their factors, the end of the audit log, the
revocation counter. Times are the database's.
"""
