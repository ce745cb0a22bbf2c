"""One submission and its verdict, as whoever may see it looks at it."""
