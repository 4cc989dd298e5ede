"""Explaining: from what an operator saw to the schedules that a revision's rules allow for it."""
