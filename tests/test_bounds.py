"""Bounds: presets, slices of one's own, and what is refused."""

from __future__ import annotations

import pytest

from lostproof.bounds import BUDGETS, FEATURES, LIMITS, PRESETS, Bounds, bounds_from, parse_bounds
from lostproof.errors import BadInput


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_found_by_name(name: str) -> None:
    """The name of a preset stands for its slices, which have different names and different bounds."""
    found, slices = parse_bounds(name)
    assert (found, slices) == (name, PRESETS[name])
    assert len({part.name for part in slices}) == len(slices)
    assert len({part.bounds for part in slices}) == len(slices)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("crashes=2", Bounds(crashes=2)),
        ("crashes=2,restarts=1", Bounds(crashes=2, restarts=1)),
        (" runs=1 , outcomes=3", Bounds(runs=1, outcomes=3)),
        ("manual=0,long_waits=0,agents=1", Bounds(manual=0, long_waits=0, agents=1)),
    ],
)
def test_pairs_make_one_slice(text: str, expected: Bounds) -> None:
    """Pairs joined by commas make one slice called custom; whatever they do not name keeps its default."""
    name, slices = parse_bounds(text)
    assert name == text
    assert [(part.name, part.bounds) for part in slices] == [("custom", expected)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("large", ["unknown bounds 'large'", "smoke", "ci", "deep", "crashes=2,restarts=1"]),
        ("", ["unknown bounds ''", "smoke"]),
        ("crash=1", ["unknown bound 'crash'", *LIMITS]),
        ("crashes=1,", ["unknown bound ''", "crashes"]),
        ("crashes=1,smoke", ["unknown bound 'smoke'"]),
        ("crashes=many", ["bound crashes='many' is not a number", "0 to 3"]),
        ("crashes=", ["bound crashes='' is not a number", "0 to 3"]),
        ("crashes=-1", ["bound crashes='-1' is not a number", "0 to 3"]),
        ("crashes=1.5", ["bound crashes='1.5' is not a number"]),
        ("crashes==1", ["bound crashes='=1' is not a number"]),
        ("crashes=4", ["bound crashes=4 is out of range", "0 to 3"]),
        ("jobs=0", ["bound jobs=0 is out of range", "1 to 4"]),
    ],
)
def test_nonsense_is_refused_in_one_line(text: str, names: list[str]) -> None:
    """What is neither a preset nor pairs in range is refused in one line that says what there is."""
    with pytest.raises(BadInput) as caught:
        parse_bounds(text)
    message = str(caught.value)
    assert "\n" not in message
    assert [part for part in names if part not in message] == []


@pytest.mark.parametrize("digit", ["²", "１", "٣", "9" * 5000])
def test_odd_digits_are_refused(digit: str) -> None:
    """Digits of other scripts, and far too many digits, are refused like any other nonsense."""
    with pytest.raises(BadInput, match=r"^bound crashes=.*; allowed: 0 to 3$"):
        parse_bounds(f"crashes={digit}")


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_is_where_it_says(name: str) -> None:
    """Every bound takes both its limits, and neither the number below nor the one above."""
    low, high = LIMITS[name]
    assert getattr(bounds_from({name: low}), name) == low
    assert getattr(bounds_from({name: high}), name) == high
    for wrong in (low - 1, high + 1):
        with pytest.raises(BadInput, match=f"{name}={wrong} is out of range; allowed: {low} to {high}"):
            bounds_from({name: wrong})


def test_unknown_bounds_are_refused_in_mappings_too() -> None:
    """A mapping with a bound that does not exist is refused with the names that do."""
    with pytest.raises(BadInput, match="unknown bound 'crash'; there are: jobs, runs"):
        bounds_from({"crash": 1})


def test_faults_are_the_sum_of_the_budgets() -> None:
    """A schedule can contain as many budgeted faults as its budgets add up to."""
    assert Bounds().faults == 0
    assert Bounds(**dict.fromkeys(BUDGETS, 2)).faults == 2 * len(BUDGETS)
    assert set(BUDGETS) < set(LIMITS)
    assert list(Bounds().describe()) == list(LIMITS)


def test_every_kind_of_trouble_is_on_in_some_slice() -> None:
    """In the preset for daily use every budget is spent somewhere, and every switch is thrown both ways."""
    slices = [part.bounds for part in PRESETS["ci"]]
    assert [
        name for name in BUDGETS if name not in FEATURES and not any(getattr(bounds, name) for bounds in slices)
    ] == []
    for name in ("same_ms", "recurring", "agents"):
        assert {getattr(bounds, name) for bounds in slices} == {0, 1}
