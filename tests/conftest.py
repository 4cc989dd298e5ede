"""Hypothesis profiles, and pytest inside of pytest for the tests of the plugin.

Both are built from ``default`` by name: where ``CI`` is set, Hypothesis has loaded its own ``ci`` profile by now, and
a profile without an explicit parent would inherit from that one. The default profile draws the same examples each
time, so that a change is never blamed for somebody else's bad luck; ``--hypothesis-profile=deep`` goes and looks for
new trouble.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

collect_ignore = ["examples/project"]
"""A project of other people: its tests are run by tests of ours."""

_COMMON = {
    "parent": settings.get_profile("default"),
    "deadline": None,
    "print_blob": True,
    # Worlds have some sixty cells: drawing one takes a while the first time, and that is no reason to fail.
    "suppress_health_check": [HealthCheck.too_slow],
}

settings.register_profile("lostproof", derandomize=True, database=None, max_examples=40, **_COMMON)
settings.register_profile("deep", derandomize=False, max_examples=1500, stateful_step_count=100, **_COMMON)
settings.load_profile("lostproof")
