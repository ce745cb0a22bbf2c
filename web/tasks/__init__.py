"""What participants work on: exercises, the form of a task, and how an answer is taken."""
