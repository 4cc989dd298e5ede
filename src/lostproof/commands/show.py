"""`lostproof list` and `lostproof show`: what there is, and one thing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from lostproof.options import Name, format_option, known_names, output_option
from lostproof.output import print_json, print_line, print_views

if TYPE_CHECKING:
    from lostproof.revisions import Revision

__all__ = ["list_", "show_"]


@click.command("list")
@click.argument("kind", type=click.Choice(["revisions", "properties", "actions", "scenarios"]))
@output_option
def list_(kind: str, form: str) -> None:
    """List what there is.

    \b
    Example:  lostproof list properties
    """
    from lostproof.report import show
    from lostproof.report.text import listing

    match kind:
        case "revisions":
            rows, columns = show.revisions_data(), ["name", "title"]
        case "properties":
            rows, columns = show.properties_data(), ["id", "kind", "sentence"]
        case "actions":
            rows, columns = show.actions_data(), ["name", "actor", "kind", "params", "what"]
        case _:
            rows, columns = show.scenarios_data(), ["name", "family", "title"]
    if form == "json":
        print_json({kind: rows})
    else:
        print_views(listing(rows, columns, header=True))


@click.group("show")
def show_() -> None:
    """Show one thing: a lifecycle, a revision, a rule or a property.

    \b
    Example:  lostproof show revision reference
    """


@show_.command()
@click.argument("name", type=Name("lifecycle"))
@format_option("table", "mermaid", "dot", "json")
def lifecycle(name: str, form: str) -> None:
    """Show a lifecycle: task, run or gateway.

    \b
    Example:  lostproof show lifecycle task --format mermaid
    """
    from lostproof.errors import unknown
    from lostproof.report import show as views
    from lostproof.tables import chart

    if name not in known_names("lifecycle"):
        raise unknown("lifecycle", name, known_names("lifecycle"))
    compiled = chart(name)
    match form:
        case "table":
            print_views(views.lifecycle_view(compiled))
        case "json":
            print_json(views.lifecycle_data(compiled))
        case _:
            print_line(views.lifecycle_mermaid(compiled) if form == "mermaid" else views.lifecycle_dot(compiled))


@show_.command("revision")
@click.argument("name", type=Name("revision"))
@click.option("--diff", "other", type=Name("revision"), metavar="REVISION",
              help="Show only what differs from this one; nothing is explored.")
@output_option
def show_revision(name: str, other: str | None, form: str) -> None:
    """Show a revision: its rule, guards, write orders, start-up and facts.

    \b
    Examples:
      lostproof show revision openclaw-2026.4.15
      lostproof show revision openclaw-2026.4.25 --diff openclaw-2026.4.24
    """
    from lostproof.report.show import revision_data, revision_view
    from lostproof.revisions import revision

    if other is None:
        _show_revision(name, form, revision_data, revision_view)
        return
    from lostproof.report.changes import changes_data, changes_view

    was, now = revision(other), revision(name)
    print_json(changes_data(was, now)) if form == "json" else print_views(changes_view(was, now))


@show_.command("rule")
@click.argument("name", type=Name("revision"), metavar="REVISION")
@output_option
def show_rule(name: str, form: str) -> None:
    """Show the reconcile rule of a revision as a decision table; * is evidence that does not matter.

    \b
    Example:  lostproof show rule openclaw-2026.5.28
    """
    from lostproof.report.show import rule_data, rule_view

    _show_revision(name, form, rule_data, rule_view)


def _show_revision(name: str, form: str, data: Callable[[Revision], Any], view: Callable[[Revision], Any]) -> None:
    from lostproof.revisions import revision

    subject = revision(name)
    print_json(data(subject)) if form == "json" else print_views(view(subject))


@show_.command("property")
@click.argument("name", type=Name("property"))
@output_option
def show_property(name: str, form: str) -> None:
    """Show a property: its sentence, formula and kind, and the verdict that is pinned for each revision.

    \b
    Example:  lostproof show property completed-run-never-lost
    """
    from lostproof.properties import property_named
    from lostproof.report import show as views

    judged = property_named(name)
    print_json(views.property_data(judged)) if form == "json" else print_views(views.property_view(judged))
