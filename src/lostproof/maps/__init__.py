"""Timing maps: the same troubled world over and over, with other durations, and what comes of it each time."""
