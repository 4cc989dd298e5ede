"""Each clause of the reference design is needed: without it some property breaks, or another clause covers for it."""

from __future__ import annotations

from functools import cache

import pytest

from lostproof.properties import PROPERTIES
from lostproof.report.mutants_doc import broken
from lostproof.revisions import REFERENCE
from lostproof.revisions.mutants import HARMLESS, MUTANTS, NEEDS_NO_MUTANT, SLICES, Mutant, elements

KILLED = [name for name, mutant in MUTANTS.items() if mutant.killed_by]
COVERED = [name for name, mutant in MUTANTS.items() if not mutant.killed_by]
PAIRS = [name for name, mutant in MUTANTS.items() if mutant.parts]


@cache
def broken_by_reference(part: str) -> frozenset[str]:
    return frozenset(broken(REFERENCE, part))


def judged(mutant: Mutant) -> list:
    return [known for known in PROPERTIES if known.id in mutant.killed_by]


@pytest.mark.parametrize("part", SLICES)
def test_the_reference_breaks_only_what_it_accepts(part):
    assert broken_by_reference(part) <= set(REFERENCE.accepts)


@pytest.mark.parametrize("name", KILLED)
def test_a_mutant_is_killed_by_every_property_that_it_names(name):
    mutant = MUTANTS[name]
    assert len(judged(mutant)) == len(mutant.killed_by), "unknown property"
    found = broken(mutant.revision, mutant.slice, judged(mutant))
    missing = set(mutant.killed_by) - set(found)
    assert not missing, f"{name} ({mutant.clause}): {sorted(missing)} hold in slice {mutant.slice}"
    both = set(mutant.killed_by) & broken_by_reference(mutant.slice)
    assert not both, f"{name}: the reference itself breaks {sorted(both)} in slice {mutant.slice}"


@pytest.mark.parametrize("name", COVERED)
def test_a_mutant_that_survives_is_covered(name):
    mutant = MUTANTS[name]
    for part in SLICES:
        more = set(broken(mutant.revision, part)) - broken_by_reference(part)
        assert not more, f"{name} is killed by {sorted(more)} in slice {part}: name them"
    assert mutant.covered_by
    for other in mutant.covered_by:
        pairs = [pair for pair in PAIRS if {name, other} <= set(MUTANTS[pair].parts)]
        assert pairs, f"no mutant lacks the clauses of both {name} and {other}"


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_is_killed_by_what_kills_neither_part(name):
    mutant = MUTANTS[name]
    assert mutant.killed_by
    for part in mutant.parts:
        found = broken(MUTANTS[part].revision, mutant.slice, judged(mutant))
        assert not found, f"{part} alone breaks {sorted(found)} in slice {mutant.slice}"


@pytest.mark.parametrize("name", HARMLESS)
def test_a_free_choice_breaks_nothing(name):
    for part in SLICES:
        more = set(broken(HARMLESS[name], part)) - broken_by_reference(part)
        assert not more, f"{name} matters: {sorted(more)} in slice {part}"


def test_everything_in_the_reference_is_named_by_a_mutant_or_justified():
    clauses = " ".join(mutant.clause for mutant in MUTANTS.values())
    unnamed = {element for element in elements() if f"`{element}`" not in clauses}
    assert unnamed == set(NEEDS_NO_MUTANT), "what no mutant's clause names, and what is justified, differ"


def test_every_mutant_differs_from_the_reference_in_what_its_clause_names():
    for mutant in MUTANTS.values():
        changed = {name for name, value in vars(mutant.revision).items() if vars(REFERENCE).get(name) != value}
        assert changed - {"name", "title"}, mutant.name
