"""`lostproof diff`: which verdicts and reachable situations two revisions, or two commits, differ in."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lostproof.errors import BadInput
from lostproof.options import Name, Place, bounds_option, format_option, max_states_option, subject_options
from lostproof.output import print_json, print_line, print_views, progress, tell_saved, width

if TYPE_CHECKING:
    from lostproof.comparison import Comparison
    from lostproof.engine.verdicts import Result
    from lostproof.history import PinnedChange
    from lostproof.revisions import Revision
    from lostproof.subjects.places import Asking

__all__ = ["diff"]

SAME_OR_BETTER, GOT_WORSE, INCONCLUSIVE = 0, 1, 3


@click.command()
@click.argument("sides", nargs=-1, type=Name("revision"), metavar="[A B]")
@click.option("--pinned", "ref", metavar="COMMIT", help="Compare the verdicts pinned in another commit with those here.")
@click.option("--base", type=Name("revision"), metavar="REVISION",
              help="The revision that a rule goes into; the default is the other side, or the release's own.")
@bounds_option
@subject_options
@click.option("--races", type=click.Choice(["none", "first", "all"]), default="first", show_default=True,
              help="Which of the races that newly exist to show as timelines.")
@click.option("--save", type=Place(file_okay=False, path_type=Path), metavar="DIR",
              help="Write each race that newly exists as a scenario file.")
@max_states_option
@format_option("text", "json", "markdown")
@click.pass_context
def diff(
    ctx: click.Context, sides: tuple[str, ...], ref: str | None, base: str | None, bounds: str, cache: Path | None,
    timeout: float, races: str, save: Path | None, max_states: int | None, form: str,
) -> None:
    """Compare two revisions: verdicts gained and lost, decisions, data, and what can be reached.

    \b
    Examples:
      lostproof diff openclaw-2026.4.15 openclaw-2026.5.28 --bounds smoke
      lostproof diff openclaw-2026.4.15 my_rules.py:durable --bounds smoke
      lostproof diff --pinned HEAD

    A and B are revisions, or rules as check's --rule takes them. With --pinned the verdicts that are pinned in another
    commit are compared with those pinned here, whatever the bounds; what got worse is explored again to show its race.

    A situation is a run as people see it: its step, how its work really ended, whether that is recorded, its row, and the
    state of the gateway.

    Exits with 1 if a verdict got worse (it holds or is accepted in A, and is violated in B), else with 3 if a verdict is
    inconclusive.
    """
    from lostproof.engine.verdicts import MAX_STATES

    _demand_usage(sides, ref, base)
    if ref is not None:
        ctx.exit(_pinned(ref, races, save, max_states or MAX_STATES, form))
    ctx.exit(_revisions(sides, base, bounds, _asking(cache, timeout, save), races, save, max_states or MAX_STATES, form))


def _demand_usage(sides: Sequence[str], ref: str | None, base: str | None) -> None:
    if ref is not None and (sides or base):
        raise BadInput("--pinned compares commits; it takes no revisions and no --base")
    if ref is None and len(sides) != 2:
        raise BadInput(f"diff compares two revisions, {len(sides)} given; name A and B, or --pinned COMMIT")


def _asking(cache: Path | None, timeout: float, save: Path | None) -> Asking:
    from lostproof.subjects.places import Asking

    return Asking(cache, timeout, keep=save or Path())


# -- revisions


def _revisions(
    sides: Sequence[str], base: str | None, bounds: str, asking: Asking, races: str, save: Path | None, limit: int, form: str
) -> int:
    from lostproof.bounds import parse_bounds
    from lostproof.comparison import compare
    from lostproof.report.diff import diff_data, diff_view
    from lostproof.report.diff_markdown import diff_markdown
    from lostproof.scenarios import save_races

    name, slices = parse_bounds(bounds)
    with progress() as say:
        was, now = _sides(sides, base, asking)
        found = compare(was, now, bounds, limit, say, workers=os.cpu_count() or 1)
    if save:
        tell_saved(save_races([one.now for one in found.worse], save).values())
    match form:
        case "json":
            print_json(diff_data(found, name, slices))
        case "markdown":
            print_line(diff_markdown(diff_data(found, name, slices), found))
        case _:
            print_views(diff_view(found, name, races, width()))
    return _code(found)


def _code(found: Comparison) -> int:
    return GOT_WORSE if found.worse else INCONCLUSIVE if found.inconclusive else SAME_OR_BETTER


def _sides(sides: Sequence[str], base: str | None, asking: Asking) -> tuple[Revision, Revision]:
    """Return both revisions; a rule goes into ``base``, or its own release, or the revision on the other side."""
    from lostproof.revisions import REVISIONS, revision
    from lostproof.subjects.places import FUNCTION, RELEASE, revision_around

    if base:
        revision(base)  # a wrong name is told even where no side is a rule

    def side(place: str, other: str) -> Revision:
        # A word that is neither a revision nor anything that can be asked is most likely a misspelt revision.
        if place in REVISIONS or not (FUNCTION.fullmatch(place) or RELEASE.fullmatch(place) or _can_be_asked(place)):
            return revision(place)
        return revision_around(place, base, asking, otherwise=other if other in REVISIONS else "reference")

    first, second = sides
    was = side(first, second)
    return was, was if first == second else side(second, first)


def _can_be_asked(place: str) -> bool:
    from lostproof.files import is_file, is_folder

    return is_folder(Path(place)) or is_file(Path(place)) or " " in place


# -- pinned verdicts


def _pinned(ref: str, races: str, save: Path | None, limit: int, form: str) -> int:
    from lostproof.comparison import WORSE
    from lostproof.history import changes_since
    from lostproof.report.diff import pinned_data, pinned_view
    from lostproof.report.diff_markdown import pinned_markdown
    from lostproof.report.text import races_view
    from lostproof.scenarios import save_races

    changes = changes_since(ref)
    worse = [one for one in changes if one.kind == WORSE]
    wanted = worse if races == "all" or form == "json" or save else worse[:1] if races == "first" else []
    with progress() as say:
        results = _explored(wanted, limit, say)
    if save:
        tell_saved(save_races([verdict for result in results.values() for verdict in result.verdicts], save).values())
    match form:
        case "json":
            print_json(pinned_data(ref, changes, results))
        case "markdown":
            print_line(pinned_markdown(ref, changes))
        case _:
            shown = list(results.values())[: None if races == "all" else 1 if races == "first" else 0]
            told = [view for result in shown for view in races_view(result, races, width())]
            print_views(pinned_view(ref, changes, told))
    return GOT_WORSE if worse else SAME_OR_BETTER


def _explored(wanted: Sequence[PinnedChange], limit: int, say: Callable[[str], None] | None) -> dict[str, Result]:
    """Return the results, by bounds and revision, that show the races of what got worse, where the revision is known."""
    from lostproof.engine.verdicts import check_all
    from lostproof.properties import PROPERTIES
    from lostproof.revisions import REVISIONS

    known = {judged.id for judged in PROPERTIES}
    found: dict[str, Result] = {}
    for bounds, name in dict.fromkeys((one.bounds, one.revision) for one in wanted):
        ids = [one.judged for one in wanted if (one.bounds, one.revision) == (bounds, name) and one.judged in known]
        if name in REVISIONS and ids:
            [found[f"{bounds} {name}"]] = check_all([name], bounds, ids, limit, say, workers=os.cpu_count() or 1)
    return found
