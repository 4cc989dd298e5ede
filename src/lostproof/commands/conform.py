"""`lostproof conform`: does real code decide as our revision of it says, and what does that mean for its runs?"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lostproof.errors import BadInput
from lostproof.options import Name, Place, bounds_option, from_here, max_states_option, output_option, subject_options
from lostproof.output import print_json, print_views, progress, tell_saved, width

if TYPE_CHECKING:
    from lostproof.engine.verdicts import Result
    from lostproof.evidence import Rule
    from lostproof.revisions import Revision
    from lostproof.subjects.conform import Conformance
    from lostproof.subjects.subject import Subject

__all__ = ["conform"]

AGREES, DISAGREES, INCONCLUSIVE = 0, 1, 3
SAVED = 20
"""How many disagreements of each kind are saved as questions."""


@click.command()
@click.argument("place", metavar="SUBJECT")
@click.option("--base", type=Name("revision"), metavar="REVISION",
              help="The revision to compare with; the default is the release's own, else reference.")
@click.option("--worlds", type=click.IntRange(min=0), default=10_000, show_default=True, metavar="N",
              help="How many random worlds of several rows to ask about.")
@click.option("--seed", type=int, default=1, show_default=True, metavar="N", help="What the random worlds are drawn from.")
@click.option("--verdicts/--no-verdicts", default=None,
              help="Also judge all properties around the answers; the default is to do so for a folder.")
@bounds_option
@max_states_option
@subject_options
@click.option("--save", type=Place(file_okay=False, path_type=Path), metavar="DIR",
              help="Write disagreements as questions, and races as scenario files.")
@click.option("--pin", is_flag=True, help="Keep the release's answers in spec/releases (in a source checkout).")
@output_option
@click.pass_context
def conform(
    ctx: click.Context, place: str, base: str | None, worlds: int, seed: int, verdicts: bool | None, bounds: str,
    max_states: int | None, cache: Path | None, timeout: float, save: Path | None, pin: bool, form: str,
) -> None:
    """Ask real reconcile code about every evidence and about random worlds, and compare with our revision.

    \b
    Examples:
      lostproof conform openclaw@2026.4.15            a release, from npm
      lostproof conform ../product --save races       a checkout's build, or an unpacked package
      lostproof conform "node my-rule.mjs" --base openclaw-2026.5.28

    A release is installed leanly, and without running its scripts, into a cache. Exits with 1 if a decision differs, or
    if a property that holds for the revision is violated around the answers, else with 3 if a verdict is inconclusive.
    """
    from lostproof import pinned
    from lostproof.bounds import parse_bounds
    from lostproof.files import is_folder
    from lostproof.report.conformance import conformance_data, conformance_view
    from lostproof.report.text import races_view, result_view
    from lostproof.revisions import revision
    from lostproof.subjects.conform import conform as compare
    from lostproof.subjects.places import Asking, subject_at

    # What is wrong with the question itself is told before anything is installed or asked.
    parse_bounds(bounds)
    if base:
        revision(base)
    if pin:
        pinned.require_checkout()
        _demand_release(place)
    with progress() as say:
        subject = subject_at(place, Asking(cache, timeout, save or Path(), say=say))
        known = revision(base or subject.base or "reference")
        rule = _rule(subject, base, known)
        whole = rule is not known.rule or known.shipped
        result = compare(subject, rule, whole=whole, worlds=worlds, seed=seed, say=say)
        if pin:
            _pin(subject, result)
        judging = is_folder(Path(place)) if verdicts is None else verdicts
        judged = _judge(known, subject, result, bounds, max_states, say) if judging else None
    if save:
        _save(result, judged, save)
    worse = _worse(judged) if judged else []
    if form == "json":
        print_json(conformance_data(result, known, seed, judged, worse))
    else:
        print_views(conformance_view(result, known))
        if judged:
            print_views("", result_view(judged[0], False), *races_view(judged[0], "first", width()))
            print_views(*_worse_lines(worse, _inconclusive(judged), known))
    ctx.exit(DISAGREES if worse or not result.agrees else INCONCLUSIVE if _inconclusive(judged or []) else AGREES)


def _rule(subject: Subject, base: str | None, known: Revision) -> Rule:
    """Return the rule that the subject should have: that of its own release, unless ``base`` names another."""
    from lostproof.revisions.shipped_rules import epoch_of, release_number

    if subject.version is None or base:
        return known.rule
    epoch = epoch_of(release_number(subject.version))
    if epoch is None:
        raise BadInput(f"{subject.place}: lostproof knows no rule for openclaw {subject.version}; name a --base")
    return epoch.rule


def _judge(
    known: Revision, subject: Subject, result: Conformance, bounds: str, limit: int | None,
    say: Callable[[str], None] | None,
) -> list[Result]:
    """Return the verdicts around the subject's answers, and those of the revision itself."""
    from lostproof.engine.verdicts import MAX_STATES, check_all
    from lostproof.subjects.subject import with_subject

    mine = with_subject(known, subject, result.modelled_decisions)
    return check_all([mine, known], bounds, None, limit or MAX_STATES, say, workers=os.cpu_count() or 1)


def _worse(judged: list[Result]) -> list[str]:
    """Return the properties that are violated around the answers and are not around the revision's own rule."""
    mine, known = judged
    return [
        verdict.property.id for verdict in mine.verdicts
        if verdict.verdict == "violated" and known.verdict(verdict.property.id).verdict != "violated"
    ]


def _inconclusive(judged: list[Result]) -> bool:
    return any(verdict.verdict == "inconclusive" for result in judged for verdict in result.verdicts)


def _worse_lines(worse: list[str], inconclusive: bool, known: Revision) -> list[str]:
    if not worse and inconclusive:
        return ["", "not everything was explored: whether something is violated that was not is open"]
    if not worse:
        return ["", f"violates nothing that {known.name} does not violate as well"]
    return ["", f"violated here, and not in {known.name}: {', '.join(worse)}"]


def _demand_release(place: str) -> None:
    from lostproof.subjects.places import RELEASE

    if not RELEASE.fullmatch(place):
        raise BadInput(f"{place}: only the answers of a release are pinned; write openclaw@VERSION")


def _pin(subject: Subject, result: Conformance) -> None:
    from lostproof.subjects.pinned_answers import PARTS, pin_answers

    if subject.version is None or subject.told is None or result.parts != PARTS:
        raise BadInput(f"{subject.place}: only what was asked about everything is pinned; leave out --base")
    obtained = {"on": date.today().isoformat(), "by": f"lostproof conform {subject.place} --pin", **subject.told()}
    click.echo(f"pinned in {from_here(pin_answers(subject.version, result.decisions, obtained))}", err=True)


def _save(result: Conformance, judged: list[Result] | None, folder: Path) -> None:
    from lostproof.files import writing_into
    from lostproof.scenarios import save_races

    with writing_into(folder):
        tell_saved(_save_disagreements(result, folder))
    if judged:
        tell_saved(save_races(judged[0].verdicts, folder).values())


def _save_disagreements(result: Conformance, folder: Path) -> Iterator[Path]:
    """Write disagreements as questions, and yield the files."""
    from lostproof.files import write_whole

    folder.mkdir(parents=True, exist_ok=True)
    for kind, comparison in zip(("evidence", "world"), result.comparisons, strict=True):
        for number, wrong in enumerate(comparison.disagreements[:SAVED], start=1):
            path = folder / f"disagreement-{kind}-{number:02}.json"
            yield write_whole(path, json.dumps(wrong.describe(), indent=2) + "\n")
