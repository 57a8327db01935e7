"""What a large deployment needs, reckoned from what one machine has shown. Starts nothing."""
