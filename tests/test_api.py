"""The public API: what the package exports, and that its examples are true."""

from __future__ import annotations

import doctest

import pytest

import lostproof


@pytest.mark.parametrize("name", lostproof.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(lostproof, name) is not None
    assert name in dir(lostproof)


def test_a_name_that_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_thing'"):
        _ = lostproof.no_such_thing


def test_the_examples_of_the_package_are_true() -> None:
    result = doctest.testmod(lostproof)
    assert result.attempted > 0
    assert result.failed == 0
