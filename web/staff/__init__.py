"""The pages of instructors and assistants."""
