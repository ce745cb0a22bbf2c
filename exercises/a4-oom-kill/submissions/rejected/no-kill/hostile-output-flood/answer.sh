yes "Killed process 7 ({{ victim }})"
