"""A subject that is wrong on purpose: it calls a row lost as soon as the grace is over, whoever still works on the run."""

import json
import sys


def swept(row, world):
    """Return the row after the sweep."""
    if row["status"] not in ("running", "queued"):
        return row
    last_event = next(row[time] for time in ("last_event", "started", "created") if row[time] is not None)
    return {**row, "status": "lost"} if world["now"] - last_event >= world["grace"] else row


for line in sys.stdin:
    world = json.loads(line)
    print(json.dumps({"ask": world["ask"], "rows": [swept(row, world) for row in world["rows"]]}), flush=True)
