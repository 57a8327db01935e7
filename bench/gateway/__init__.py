"""The gateway against the physical limit of the machine, and against what others use."""
