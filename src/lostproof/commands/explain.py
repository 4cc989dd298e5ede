"""`lostproof explain`: what a revision's rules allow for something that was observed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lostproof.options import Name, Place, format_option, from_here
from lostproof.output import complain, print_json, print_views, progress, tell_saved, width

if TYPE_CHECKING:
    from lostproof.explaining.explain import Answer
    from lostproof.explaining.notes import Notes

__all__ = ["explain"]

MAX_STATES = 300_000
CODES = {"explained": 0, "impossible": 1, "inconclusive": 3}


@click.command()
@click.argument("notes", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--revision", "names", multiple=True, type=Name("revision"), metavar="REVISION",
              help="Explain under this revision only (may be repeated); the default is all of them.")
@click.option("--bounds", metavar="PAIRS", help="Bounds other than the file's, such as crashes=3,faults=3.")
@click.option("--limit", type=click.IntRange(min=1), default=6, show_default=True, metavar="N",
              help="How many explanations to list for each revision.")
@click.option("--brief", is_flag=True, help="Titles only, without timelines.")
@click.option("--save", type=Place(file_okay=False, path_type=Path), metavar="DIR",
              help="Write each explanation as a scenario file that replays.")
@click.option("--expected", is_flag=True, help="Exit with 0 if everything is as FILE expects, else with 1.")
@click.option("--max-states", type=click.IntRange(min=1), default=MAX_STATES, show_default=True, metavar="N",
              help="Look at no more states in one world; what needs more is inconclusive.")
@format_option("text", "json")
@click.pass_context
def explain(
    ctx: click.Context, notes: Path, names: tuple[str, ...], bounds: str | None, limit: int, brief: bool, save: Path | None,
    expected: bool, max_states: int, form: str,
) -> None:
    """Explain what an operator observed: every way in which a revision's rules allow it, or that they do not.

    \b
    Examples:
      lostproof explain scenarios/observed/manual-run-declared-dead.observed.yaml --brief
      lostproof explain scenarios/observed/incident-2026-04-17.observed.yaml --revision openclaw-2026.4.15 --limit 1

    FILE holds an operator's notes: rows, log lines and start-ups with their times, incomplete as they are. Explanations
    differ in what matters, such as who marked a row lost; those with the fewest faults come first, and each replays.

    Exit code 0: some revision explains it. 1: none does, within the bounds. 3: none was found, but a limit was hit.
    With --expected, the revisions are those that the file says something about.
    """
    from lostproof.explaining.explain import explain as answer_of
    from lostproof.explaining.notes import load_notes
    from lostproof.explaining.saving import save_answers
    from lostproof.report.explanations import explain_data, explain_view
    from lostproof.revisions import REVISIONS, revision

    told = _bounded(load_notes(notes), bounds)
    spoken_of = [name for name in REVISIONS if not expected or told.expected(name)]
    chosen = [revision(name) for name in dict.fromkeys(names or spoken_of)]
    with progress() as say:
        answers = [answer_of(told, one, limit, max_states, say) for one in chosen]
    saved = save_answers(told, answers, save) if save else []
    if form == "json":
        print_json(explain_data(told, answers, [from_here(path) for path in saved]))
    else:
        print_views(explain_view(told, answers, width(), brief))
    tell_saved(saved)
    ctx.exit(_as_expected(told, answers) if expected else _code(answers))


def _bounded(notes: Notes, bounds: str | None) -> Notes:
    """Return the notes with other bounds."""
    from lostproof.explaining.notes import with_bounds

    return with_bounds(notes, bounds) if bounds else notes


def _as_expected(notes: Notes, answers: list[Answer]) -> int:
    """Tell what is not as the file expects; return the exit code."""
    from lostproof.explaining.explain import unexpected
    from lostproof.report.explanations import title_of

    wrong = [
        f"{answer.revision.name}: {words}" for answer in answers
        for words in unexpected(notes, answer, [title_of(notes, one) for one in answer.explanations])
    ]
    for line in wrong:
        complain(line)
    return 1 if wrong else 0


def _code(answers: list[Answer]) -> int:
    verdicts = {answer.verdict for answer in answers}
    return next(CODES[verdict] for verdict in ("explained", "inconclusive", "impossible") if verdict in verdicts)
