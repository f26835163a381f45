"""Fine-tuning on the tasks of the paper: what a task is, the tasks, how they are trained, and the paper's figures."""
