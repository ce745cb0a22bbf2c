"""Where everybody stands: the scoreboard, and points over time."""
