"""The other side of a grading server: submits answers from a terminal and waits for their verdicts."""
