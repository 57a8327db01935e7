"""ejabberd with its message archive on PostgreSQL."""
