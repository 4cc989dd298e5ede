"""Why something cannot happen: the guard as a term says what the guard says, and the reasons are true."""

from __future__ import annotations

import random
from itertools import product

import pytest

from lostproof.engine.explorer import close
from lostproof.engine.reasons import blocking, guard_of, holds
from lostproof.engine.stepper import is_enabled
from lostproof.model import Model
from lostproof.report.reasons import BY_BOUNDS, allowed, why_not
from lostproof.revisions import REVISIONS
from lostproof.terms import Term, evaluate, negation
from lostproof.world import where
from tests.support import BOUNDS, RICH, model, walk

WORLDS = {**BOUNDS, **RICH}
TRIED = [
    (name, world) for position, (name, world) in enumerate(product(REVISIONS, WORLDS)) if position % 13 == 0
] + [("openclaw-2026.9.6", "everything"), ("openclaw-2026.4.15", "jobs")]


def some_states(m: Model, seed: str, walks: int = 3, steps: int = 14) -> list[int]:
    rng = random.Random(seed)
    return [state for _ in range(walks) for state in walk(m, [rng.randrange(256) for _ in range(steps)])[0]]


@pytest.mark.parametrize(("name", "world"), TRIED)
def test_every_disabled_action_has_a_false_conjunct_and_the_term_says_what_the_guard_says(name: str, world: str) -> None:
    m = model(name, WORLDS[world])
    terms = [guard_of(m, number) for number in range(len(m.actions))]
    for state in some_states(m, f"{name} {world}", walks=2, steps=9):
        for number, term in enumerate(terms):
            can = is_enabled(m, state, number)
            assert holds(m, state, term) == can, m.actions[number].label(m)
            reasons = blocking(m, state, number)
            assert bool(reasons) != can
            assert not any(holds(m, state, reason.term) for reason in reasons)


@pytest.mark.parametrize(("name", "world"), TRIED[::3])
def test_a_cell_with_a_named_value_makes_its_conjunct_true(name: str, world: str) -> None:
    m = model(name, WORLDS[world])
    checked = 0
    for state in some_states(m, world, walks=1, steps=8):
        for number in range(len(m.actions)):
            for reason in blocking(m, state, number):
                values = allowed(m, reason.term)
                cell = reason.term.args[0].args[0] if values else None
                for value in range(cell.ones + 1 if cell else 0):
                    view = m.view(state)
                    view.write(cell, value)
                    assert holds(m, view.pack(), reason.term) == (value in values) or value >= cell.field.size(
                        m.bounds, m.revision
                    )
                    checked += 1
    assert checked > 100


@pytest.mark.parametrize(("name", "world"), TRIED[::4])
def test_everything_that_cannot_happen_is_told_in_words_that_name_what_is_so(name: str, world: str) -> None:
    m = model(name, WORLDS[world])
    for state in some_states(m, world, walks=1):
        for number in range(len(m.actions)):
            words = why_not(m, state, number)
            assert bool(words) != is_enabled(m, state, number)
            for line in words:
                assert " is " in line or line == BY_BOUNDS
                assert "\n" not in line


def test_the_reason_names_what_would_have_to_be() -> None:
    m = model("openclaw-2026.4.15", BOUNDS["crash"])
    number = next(n for n, action in enumerate(m.actions) if action.name == "start")
    assert why_not(m, m.initial(), number) == ["gateway is running, and would have to be down"]
    tick = next(n for n, action in enumerate(m.actions) if action.name == "tick")
    assert why_not(m, m.initial(), tick) == [
        "fallen of job-a is 0, and would have to be more than next of job-a (0)"
    ]


def test_a_busy_run_is_the_reason_why_minutes_cannot_pass() -> None:
    m = model("openclaw-2026.4.15", BOUNDS["crash"])
    labels = {action.label(m): n for n, action in enumerate(m.actions) if action.get("fault") is None}
    state = walk(m, [])[0][0]
    from lostproof.engine.stepper import apply

    state = apply(m, state, labels["run_now job=job-a"])
    begun = apply(m, state, next(n for n, a in enumerate(m.actions) if a.name == "begin" and is_enabled(m, state, n)))
    ended = apply(m, begun, next(n for n, a in enumerate(m.actions) if a.name == "end" and is_enabled(m, begun, n)))
    assert why_not(m, begun, labels["expire run=job-a.run-1"]) == []
    assert why_not(m, ended, labels["expire run=job-a.run-1"]) == [
        "it is not so that no run is busy: not while path of job-a.run-1 is manual and step of job-a.run-1 is held"
    ]


def test_terms_say_what_numpy_says() -> None:
    """The guard of every action, as a term, agrees with the batch of all states of a small world."""
    m = model("openclaw-2026.5.28", BOUNDS["restart"])
    states = close(m).layers
    sample = [state for layer in states for state in m.layout.ints(layer)[:2]]
    for number in range(len(m.actions)):
        term = guard_of(m, number)
        assert [holds(m, state, term) for state in sample] == [is_enabled(m, state, number) for state in sample]


class TestTerms:
    """Small terms over cells a and b, which hold numbers from 0 to 2."""

    A, B = Term("read", "a"), Term("read", "b")

    @pytest.mark.parametrize(
        "formula",
        [
            lambda a, b: (a == 1) & (b > 0),
            lambda a, b: ((a == 1) & (b > 0)) == 0,
            lambda a, b: (a != b) | (a + b >= 3) | False,
            lambda a, b: where(a == 0, 2, where(b == 1, 0, a)) != 0,
            lambda a, b: where((a < b) & True, b - a, 0) <= 1,
            lambda a, b: where(a == 1, (b == 1), (b == 2)),
            lambda a, b: 1 - a == b,
            lambda a, b: (((a == 2) | (b == 2)) == 0) & (a <= 1),
        ],
    )
    def test_a_formula_over_terms_is_the_formula_over_numbers(self, formula: object) -> None:
        term = formula(self.A, self.B)  # type: ignore[operator]
        for a, b in product(range(3), repeat=2):
            cells = {"a": a, "b": b}
            expected = bool(formula(a, b))  # type: ignore[operator]
            assert bool(evaluate(term, cells.__getitem__)) == expected
            assert bool(evaluate(negation(term), cells.__getitem__)) != expected

    def test_a_guard_that_decides_in_python_is_told(self) -> None:
        with pytest.raises(TypeError, match="where"):
            _ = 1 if self.A == 1 else 0
