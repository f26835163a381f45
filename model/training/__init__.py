"""A run: what must be there, a step, the loop around it, what people see of it, and checkpoints."""
