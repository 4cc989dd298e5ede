"""`lostproof map`: which durations lead to a false lost or a zombie, as a picture and as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lostproof.errors import BadInput, unknown
from lostproof.options import Name, Place, from_here, output_option, subject_options
from lostproof.output import print_json, print_views, progress, tell_saved, width

if TYPE_CHECKING:
    from lostproof.maps.axes import Axis
    from lostproof.maps.grid import Grid
    from lostproof.maps.worlds import MappedWorld
    from lostproof.revisions import Revision

__all__ = ["map_"]

SEARCHED = "1m..30m/1m"
"""The graces that are tried unless others are asked for."""


class _WithWorlds(click.Command):
    """A command whose help ends with the worlds that there are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the worlds and their timings."""
        from lostproof.maps.worlds import WORLDS

        with formatter.section("Worlds and their timings"):
            formatter.write_dl([
                (world.name, f"{world.title} ({', '.join(world.timings)})") for world in WORLDS.values()
            ])


@click.command("map", cls=_WithWorlds)
@click.argument("name", default="reference", type=Name("revision"), metavar="[REVISION]")
@click.option("--world", type=Name("world"), default="restart", show_default=True, metavar="WORLD",
              help="What happens to the run.")
@click.option("--x", metavar="TIMING[=RANGE]", help="What goes across; the default is the world's own.")
@click.option("--y", metavar="TIMING[=RANGE]", help="What goes up.")
@click.option("--grace", metavar="GRACE|RANGE", help=f"The graces to try, from the smallest; the default is {SEARCHED}.")
@click.option("--set", "given", multiple=True, metavar="TIMING=DURATION", help="Another value of a timing that is no axis.")
@click.option("--rule", metavar="SUBJECT", help="A reconcile rule of your own in place of the revision's.")
@subject_options
@click.option("--save", type=Place(file_okay=False, path_type=Path), metavar="DIR",
              help="Write one cell of each kind of trouble as a scenario file.")
@click.option("--out", type=Place(dir_okay=False, path_type=Path), metavar="FILE",
              help="Draw the map into a file .svg or .png (needs lostproof[map]).")
@output_option
def map_(
    name: str, world: str, x: str | None, y: str | None, grace: str | None, given: tuple[str, ...], rule: str | None,
    cache: Path | None, timeout: float, save: Path | None, out: Path | None, form: str,
) -> None:
    """Map which timings lead to a false lost or a zombie, and find the smallest safe grace.

    \b
    Examples:
      lostproof map openclaw-2026.4.15 --x downtime --y duration
      lostproof map openclaw-2026.4.15 --world no-restart --x grace=1m..10m/30s --y duration=1m..10m/30s
      lostproof map openclaw-2026.4.15 --world offline --set takes=20s --grace 5m

    Each cell is one simulated world, with all timers on the dot, watched until nothing changes any more. A false lost is a
    row that becomes lost although its run is recorded, has ended, or is live; a zombie is a row that runs for ever although
    its run is gone. A RANGE is FIRST..LAST/STEP, as in 0s..20m/1m. The map is drawn with the revision's own grace if that
    is in the range, else with the first. What a grid cannot say (whether a grace is safe at all moments) is proved, or
    refuted by a race, by exploring the world exhaustively.

    Exits with 0 whatever the map shows.
    """
    from lostproof.maps.grid import Grid, Lab
    from lostproof.maps.proof import proofs
    from lostproof.report.timing_map import map_data, map_view

    mapped = _world(world)
    across, up = _axes(mapped, x, y)
    timings = _timings(mapped, given, (across, up))
    graces = _graces(grace, (across, up))
    picture = _picture(out)
    with progress() as say:
        revision = _revision(name, rule, cache, timeout, save)
        own = revision.constants.grace_ms
        grid = Grid.of(Lab(revision, mapped, timings, across, up), own if own in graces else graces[0], graces, say)
        if say:
            say("exploring")
        proved = proofs(grid, graces)
    if out and picture:
        from lostproof.report.map_picture import write_picture

        write_picture(grid, proved, out)
        click.echo(f"drawn {from_here(out)}", err=True)
    if save:
        tell_saved(_save(grid, save))
    if form == "json":
        print_json(map_data(grid, proved))
    else:
        print_views(map_view(grid, proved, width()))


def _world(name: str) -> MappedWorld:
    from lostproof.maps.worlds import WORLDS

    if name not in WORLDS:
        raise unknown("world", name, WORLDS)
    return WORLDS[name]


def _axes(world: MappedWorld, x: str | None, y: str | None) -> tuple[Axis, Axis]:
    """Return both axes; one that is not asked for is the first of the world's own that the other one is not."""
    from lostproof.maps.axes import axis_from

    asked = [axis_from(text, world) if text else None for text in (x, y)]
    used = [axis.name for axis in asked if axis]
    own = [name for name in world.axes if name not in used]
    if asked[1] is None:
        own.reverse()  # the last of them goes up
    found = [axis or axis_from(own[0] if len(own) == 1 else own[1 - at], world) for at, axis in enumerate(asked)]
    if found[0].name == found[1].name:
        raise BadInput(f"both axes are {found[0].name}; give --x and --y different timings")
    return found[0], found[1]


def _timings(world: MappedWorld, given: tuple[str, ...], axes: tuple[Axis, Axis]) -> dict[str, int]:
    from lostproof.maps.axes import timings_from

    for text in given:
        if text.partition("=")[0] in [axis.name for axis in axes]:
            raise BadInput(f"--set {text}: this timing is an axis; give its values there")
    return timings_from(given, world)


def _graces(grace: str | None, axes: tuple[Axis, Axis]) -> tuple[int, ...]:
    from lostproof.maps.axes import values_from
    from lostproof.maps.worlds import GRACE

    for axis in axes:
        if axis.name == GRACE:
            if grace:
                raise BadInput("--grace goes with maps that have the grace on no axis")
            return axis.values
    return values_from(grace or SEARCHED, GRACE)


def _picture(out: Path | None) -> bool:
    if out is None:
        return False
    from lostproof.report.map_picture import demand_picture

    demand_picture(out)
    return True


def _save(grid: Grid, folder: Path) -> list[Path]:
    from lostproof.files import writing_into
    from lostproof.maps.examples import save_examples

    with writing_into(folder):
        return save_examples(grid, folder)


def _revision(name: str, rule: str | None, cache: Path | None, timeout: float, save: Path | None) -> Revision:
    from lostproof.revisions import revision

    if rule is None:
        return revision(name)
    from lostproof.subjects.places import Asking, revision_around

    return revision_around(rule, name, Asking(cache, timeout, keep=save or Path()))
