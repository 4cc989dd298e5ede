"""Commands that are too large to stand in :mod:`lostproof.cli`."""
