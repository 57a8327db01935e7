"""What signing in costs, and what a flood of it costs everybody else."""
