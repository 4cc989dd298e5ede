"""A simulator and exhaustive explorer for the lifecycles of cron runs and their rows in a task ledger.

A model says what can happen, a driver chooses what does, a monitor judges it, and a view shows it:

>>> from lostproof import Bounds, check
>>> result = check("reference", "crashes=1,runs=1,outcomes=1")
>>> result.verdict("completed-run-never-lost").verdict
'holds'

A rule of your own is a function from :class:`Evidence` to :class:`Decision`; a revision with it is one call away:

>>> from lostproof import KEEP, revision
>>> mine = revision("openclaw-2026.4.15").but("mine", "never lost", rule=lambda evidence: KEEP)
>>> check(mine, "crashes=1,runs=1,outcomes=1").verdict("completed-run-never-lost").verdict
'holds'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lostproof.bounds import Bounds
    from lostproof.engine.verdicts import Result, Verdict, check, check_all
    from lostproof.errors import BadInput
    from lostproof.evidence import KEEP, LOST, Decision, Evidence, recover
    from lostproof.properties import PROPERTIES
    from lostproof.revisions import REVISIONS, Revision, Section, revision
    from lostproof.subjects.places import subject_at
    from lostproof.subjects.subject import Subject, with_subject

    __version__: str

__all__ = [
    "KEEP",
    "LOST",
    "PROPERTIES",
    "REVISIONS",
    "BadInput",
    "Bounds",
    "Decision",
    "Evidence",
    "Result",
    "Revision",
    "Section",
    "Subject",
    "Verdict",
    "__version__",
    "check",
    "check_all",
    "recover",
    "revision",
    "subject_at",
    "with_subject",
]

_HOMES = {
    "lostproof.bounds": ("Bounds",),
    "lostproof.engine.verdicts": ("Result", "Verdict", "check", "check_all"),
    "lostproof.errors": ("BadInput",),
    "lostproof.evidence": ("KEEP", "LOST", "Decision", "Evidence", "recover"),
    "lostproof.properties": ("PROPERTIES",),
    "lostproof.revisions": ("REVISIONS", "Revision", "Section", "revision"),
    "lostproof.subjects.places": ("subject_at",),
    "lostproof.subjects.subject": ("Subject", "with_subject"),
}
"""Which module each public name lives in. They are imported when first used, so that ``lostproof --help`` is fast."""


def __getattr__(name: str) -> Any:
    from importlib import import_module
    from importlib.metadata import version

    if name == "__version__":
        value: Any = version("lostproof")
    else:
        home = next((module for module, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module 'lostproof' has no attribute {name!r}")
        value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
