"""A Slack export: `archive` opens it, `records` reads it, the others say what it is in our words."""
