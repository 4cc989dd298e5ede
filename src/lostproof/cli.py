"""The command line: parse, call, print.

Exit codes: 0 holds or as expected, 1 violated or not as expected, 2 usage or bad input, 3 inconclusive, 4 internal
error.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lostproof.commands.conform import conform
from lostproof.commands.diff import diff
from lostproof.commands.explain import explain
from lostproof.commands.explore import explore
from lostproof.commands.map import map_
from lostproof.commands.show import list_, show_
from lostproof.errors import BadInput, Defect
from lostproof.options import (
    Name,
    Place,
    ScenarioPath,
    bounds_option,
    from_here,
    max_states_option,
    output_option,
    report_options,
    subject_options,
)
from lostproof.output import (
    CannotWrite,
    complain,
    print_json,
    print_line,
    print_views,
    progress,
    tell_saved,
    width,
    writing,
)

if TYPE_CHECKING:
    from lostproof.engine.verdicts import Result
    from lostproof.report.judged import Wanted
    from lostproof.revisions import Revision
    from lostproof.subjects.places import Asking

__all__ = ["cli", "main"]

HOLDS, VIOLATED, BAD_INPUT, INCONCLUSIVE, INTERNAL = range(5)
INTERRUPTED = 130
DEBUG = "LOSTPROOF_DEBUG"

_verbose = click.option("-v", "--verbose", is_flag=True, help="Tell more.")


class _Guarded(click.Group):
    """The group of all commands: it turns errors into one line on standard error and an exit code."""

    def main(self, *arguments: Any, standalone_mode: bool = True, **more: Any) -> Any:
        """Run the command line and exit; with ``standalone_mode=False`` return or raise what comes of it."""
        run: Callable[..., Any] = super().main
        if not standalone_mode:
            return run(*arguments, standalone_mode=False, **more)
        try:
            if sys.stdout is None:
                raise CannotWrite(OSError(errno.EBADF, "it is closed"))
            # In here, only help and the like write outside `writing`.
            with writing():
                sys.exit(run(*arguments, standalone_mode=False, **more) or HOLDS)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
        except click.ClickException as error:
            complain(_usage_error(error))
        except CannotWrite as error:
            error.tell()
        sys.exit(BAD_INPUT)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, CannotWrite):
            raise
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BadInput as error:
            complain(str(error))
            ctx.exit(BAD_INPUT)
        except BaseException as error:
            if os.environ.get(DEBUG) and isinstance(error, Exception):
                raise
            kind = "" if isinstance(error, Defect) else f"{type(error).__name__}: "
            first = (str(error).splitlines() or [""])[0]
            complain(f"internal error: {kind}{first} ({DEBUG}=1 shows where)")
            ctx.exit(INTERNAL)


def _usage_error(error: click.ClickException) -> str:
    told = " ".join(error.format_message().split()).rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" ({context.command_path} -h shows the usage)" if context else ""
    return f"{told[:1].lower()}{told[1:]}{hint}"


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _explore(subjects: Sequence[Revision | str], bounds: str, judged: Sequence[str], limit: int | None) -> list[Result]:
    from lostproof.engine.verdicts import MAX_STATES, check_all

    with progress() as say:
        return check_all(subjects, bounds, _distinct(judged) or None, limit or MAX_STATES, say, workers=os.cpu_count() or 1)


# -- commands


@click.group(cls=_Guarded, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lostproof")
def cli() -> None:
    """Explore how cron runs and their ledger rows can race, and prove which races cannot happen.

    \b
    lostproof check                       does the reference design hold?
    lostproof check openclaw-2026.4.15    what goes wrong in a release, as shortest races
    lostproof matrix                      everything, against the pinned verdicts

    Exit codes: 0 holds or as expected, 1 violated or not as expected, 2 usage or bad input, 3 inconclusive,
    4 internal error.
    """


@cli.command()
@bounds_option
@click.option("--pin", is_flag=True, help="Write the verdicts as the expected ones (in a source checkout).")
@max_states_option
@report_options("github", "junit", "sarif", "html")
@output_option
@click.pass_context
def matrix(ctx: click.Context, bounds: str, pin: bool, max_states: int | None, wanted: Wanted, form: str) -> None:
    """Judge every revision against every property and compare with the pinned verdicts.

    \b
    Example:  lostproof matrix --bounds smoke

    Exits with 1 if a verdict, or the length of a shortest race, differs from what is pinned for these bounds, else with
    3 if one is inconclusive. Where nothing is pinned, the exit code says only whether everything was explored.
    """
    from lostproof import pinned
    from lostproof.bounds import parse_bounds
    from lostproof.report.data import matrix_data
    from lostproof.report.judged import Judged, write_judged
    from lostproof.report.text import matrix_view
    from lostproof.revisions import REVISIONS

    name, slices = parse_bounds(bounds)
    if pin:
        pinned.require_checkout()
    expected = None if pin else pinned.pins(name)
    results = _explore(list(REVISIONS), bounds, (), max_states)
    inconclusive = any(verdict.verdict == "inconclusive" for result in results for verdict in result.verdicts)
    if pin and inconclusive:
        raise BadInput(f"bounds {name} are not pinned: some verdicts are inconclusive; a larger --max-states may help")
    if pin:
        click.echo(f"pinned in {from_here(pinned.pin(name, results))}", err=True)
        expected = pinned.pins(name)
    drifted = pinned.drift(expected, results) if expected is not None else []
    write_judged(wanted, Judged("matrix", name, slices, results, expected, drifted))
    if form == "json":
        print_json(matrix_data(name, slices, results, expected, drifted))
    else:
        print_views(matrix_view(results, name, expected, drifted, width()))
    ctx.exit(VIOLATED if drifted else INCONCLUSIVE if inconclusive else HOLDS)


@cli.command()
@click.argument("revisions", nargs=-1, type=Name("revision"), metavar="[REVISION]...")
@click.option("--property", "judged", multiple=True, type=Name("property"), metavar="ID", help="Judge only this one.")
@bounds_option
@click.option("--rule", metavar="SUBJECT", help="Check a reconcile rule of your own, or a release's own code.")
@click.option("--base", type=Name("revision"), metavar="REVISION",
              help="The revision that --rule goes into; the default is the release's own, else reference.")
@subject_options
@click.option("--races", type=click.Choice(["none", "first", "all"]), default="first", show_default=True,
              help="Which races to show as timelines.")
@click.option("--save", type=Place(file_okay=False, path_type=Path), metavar="DIR",
              help="Write each race as a scenario file.")
@max_states_option
@_verbose
@report_options("github", "junit", "sarif", "html")
@output_option
@click.pass_context
def check(
    ctx: click.Context, revisions: tuple[str, ...], judged: tuple[str, ...], bounds: str, rule: str | None,
    base: str | None, cache: Path | None, timeout: float, races: str, save: Path | None, max_states: int | None,
    verbose: bool, wanted: Wanted, form: str,
) -> None:
    """Judge some revisions (by default the reference) and show the shortest races.

    \b
    Examples:
      lostproof check openclaw-2026.4.15 --property completed-run-never-lost
      lostproof check --bounds crashes=2,restarts=1 --races none
      lostproof check --rule my_rules.py:durable --base openclaw-2026.4.15
      lostproof check --rule "node my-rule.mjs"
      lostproof check --rule openclaw@2026.4.15

    A SUBJECT is FILE.py:FUNCTION (Evidence -> Decision), a command that speaks the protocol of spec/subjects.md,
    openclaw@VERSION (which is installed through npm, into a cache), or the folder of a package of it.

    Exits with 1 if a property is violated and the revision does not accept that, else with 3 if one is inconclusive.
    """
    from lostproof.bounds import parse_bounds
    from lostproof.report.data import check_data
    from lostproof.report.judged import Judged, write_judged
    from lostproof.report.text import races_view, result_view
    from lostproof.scenarios import save_races
    from lostproof.subjects.places import Asking

    name, slices = parse_bounds(bounds)
    with progress() as say:
        asking = Asking(cache, timeout, keep=save or Path(), say=say)
        subjects = _subjects(revisions, rule, base, asking)
    results = _explore(subjects, bounds, judged, max_states)
    saved = save_races([verdict for result in results for verdict in result.verdicts], save) if save else {}
    tell_saved(saved.values())
    write_judged(wanted, Judged("check", name, slices, results, saved=saved))
    if form == "json":
        print_json(check_data(name, slices, results))
    else:
        for position, result in enumerate(results):
            print_views(*([""] if position else []), result_view(result, verbose), *races_view(result, races, width()))
    verdicts = {verdict.verdict for result in results for verdict in result.verdicts}
    ctx.exit(VIOLATED if "violated" in verdicts else INCONCLUSIVE if "inconclusive" in verdicts else HOLDS)


def _subjects(names: Sequence[str], rule: str | None, base: str | None, asking: Asking) -> list[Revision | str]:
    from lostproof.revisions import revision

    known: list[Revision | str] = [revision(name) for name in _distinct(names)]
    if rule is None:
        if base:
            raise BadInput("--base goes with --rule; to check a revision as it is, give its name as an argument")
        return known or ["reference"]
    from lostproof.subjects.places import revision_around

    return [*known, revision_around(rule, base, asking)]


@cli.command()
@click.argument("paths", nargs=-1, type=ScenarioPath(path_type=Path), metavar="[PATH]...")
@click.option("--revision", "revisions", multiple=True, type=Name("revision"), metavar="REVISION",
              help="Replay in this revision only.")
@click.option("--record", is_flag=True, help="First write into the files what each revision makes of them.")
@_verbose
@report_options("github", "junit", "html")
@output_option
@click.pass_context
def run(
    ctx: click.Context, paths: tuple[Path, ...], revisions: tuple[str, ...], record: bool, verbose: bool, wanted: Wanted,
    form: str,
) -> None:
    """Replay scenario files, or folders of them (by default the built-in ones), and compare with what they expect.

    \b
    Example:  lostproof run scenarios/slots -v

    A timeline is shown for what fails, and with -v for everything. Exits with 1 if something is not as expected.

    With --record the expectations of the files at PATH are written anew, from what was seen. Read them before you keep
    them: they say what a revision does, right or wrong.
    """
    from lostproof import replay, scenarios
    from lostproof.report.data import run_data
    from lostproof.report.replays import write_replays
    from lostproof.report.text import replays_line, scenario_view
    from lostproof.revisions import revision

    chosen = [revision(name).name for name in _distinct(revisions)] or None
    if record:
        _record(scenarios.find(paths) if paths else [], chosen)
    loaded = []
    with progress() as say:
        for path in scenarios.find(paths):
            if say:
                say(f"reading {path.name}")
            loaded.append(scenarios.load(path))
        found = replay.run_all([(scenario, chosen or scenario.revisions) for scenario in loaded], say)
        replayed = list(zip(loaded, found, strict=True))
    failed = sum(not outcome.passed for _, outcomes in replayed for outcome in outcomes)
    write_replays(wanted, replayed)
    if form == "json":
        print_json(run_data(replayed))
    else:
        print_views(*(scenario_view(scenario, outcomes, verbose, width()) for scenario, outcomes in replayed))
        print_views("", replays_line(replayed))
    ctx.exit(VIOLATED if failed else HOLDS)


def _record(files: Sequence[Path], chosen: Sequence[str] | None) -> None:
    from lostproof import recording

    if not files:
        raise BadInput("--record writes files; name them, or their folders")
    with progress() as say:
        recorded = recording.record(files, chosen, say)
    for one in recorded:
        known = "recorded; what it said has not changed" if one.changed else "nothing to record"
        click.echo(f"{from_here(one.path)}: {'recorded' if one.told else known}", err=True)
        for line in one.told:
            click.echo(f"  {line}", err=True)


@cli.command()
@click.argument("revision", default="reference", type=Name("revision"))
@click.option("--seed", type=int, required=True, metavar="N", help="What to draw from; same seed, same bytes.")
@click.option("--steps", type=click.IntRange(1, 100_000), default=60, show_default=True, metavar="N",
              help="How long to go on.")
@click.option("--bounds", type=Name("bounds"), metavar="PRESET|SLICE",
              help="The world; of a preset, the seed picks a slice. The default is a large one.")
@output_option
@click.pass_context
def simulate(ctx: click.Context, revision: str, seed: int, steps: int, bounds: str | None, form: str) -> None:
    """Simulate one random world and print its timeline, what it breaks, and the digest of its trace.

    \b
    Example:  lostproof simulate openclaw-2026.4.15 --seed 7 --steps 40

    Exits with 1 if a step or state property is broken that the revision does not accept.
    """
    from lostproof.bounds import parse_bounds
    from lostproof.drivers.random import SIMULATED
    from lostproof.drivers.random import simulate as draw
    from lostproof.properties import PROPERTIES
    from lostproof.report.data import simulation_data
    from lostproof.report.text import simulation_view
    from lostproof.revisions import revision as named

    slices = parse_bounds(bounds)[1] if bounds else ()
    subject = named(revision)
    world = draw(subject, seed, steps, slices[seed % len(slices)].bounds if slices else SIMULATED)
    seen = {name for moment in world.trace for name, _ in moment.broken}
    broken = [judged.id for judged in PROPERTIES if judged.id in seen]
    if form == "json":
        print_json(simulation_data(seed, world.model, world.options, world.trace, broken))
    else:
        at_rest = len(world.trace) < steps
        print_views(simulation_view(seed, world.model, world.options, world.trace, broken, width(), at_rest))
    ctx.exit(VIOLATED if set(broken) - set(subject.accepts) else HOLDS)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes lostproof's commands and names in a shell.

    \b
    Example:  eval "$(lostproof completion bash)"
    """
    from click.shell_completion import get_completion_class

    chosen = get_completion_class(shell)
    assert chosen is not None
    print_line(chosen(cli, {}, "lostproof", "_LOSTPROOF_COMPLETE").source())


cli.add_command(list_)
cli.add_command(show_)
cli.add_command(conform)
cli.add_command(diff)
cli.add_command(map_)
cli.add_command(explore)
cli.add_command(explain)


def main() -> None:
    """Run the command line."""
    cli(prog_name="lostproof")


if __name__ == "__main__":
    main()
