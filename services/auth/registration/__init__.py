"""Who may register, and what they must accept."""
