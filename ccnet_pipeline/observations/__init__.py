"""What is noted of a run while it reads, beside the balance: examples to look at, what came often, what it cost."""
