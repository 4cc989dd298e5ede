"""Drivers: they choose what happens. Timed replay, scripts with a clock, and seeded random worlds."""
