"""What labs that work side by side take from each other, and what is left when one of them is lost."""

from __future__ import annotations

from pathlib import Path

from scenarios.prove.left import Left, Tried
from scenarios.prove.sabotage import Action, LoadedSabotage, Noticing, Sabotage, When


def one(name: str, *, when: When = "service", lasting: bool = False) -> Tried:
    action = Action(where="near", do="true", undo="true")
    told = Sabotage(
        sabotage=name,
        title=name,
        broken=name,
        when=when,
        lasting=lasting,
        must_notice=[Noticing(verb="ping")],
        actions=[action],
    )
    return Tried(LoadedSabotage(file=Path(f"{name}.yaml"), sabotage=told))


def test_each_is_for_one_lab_and_what_leaves_traces_comes_last() -> None:
    left = Left()
    for tried in (one("lasting", lasting=True), one("a"), one("gone", when="removed"), one("b")):
        left.add(tried)
    assert left.first(("removed", "service")) == "removed"
    taken = [tried.sabotage.id for tried in iter(lambda: left.next("service"), None)]
    assert taken == ["a", "b", "lasting"]
    assert left.first(("service", "removed")) == "removed"
    assert left.next("removed") and left.first(("service", "removed")) is None


def test_what_a_lost_lab_had_not_begun_is_for_another_one() -> None:
    left, tried = Left(), one("a")
    keys = [("a", "S-1"), ("a", "S-2")]
    assert tried.begins(keys[0])
    left.add_again(tried, keys)
    assert left.next("service") is tried
    assert not tried.begins(keys[0]) and tried.begins(keys[1])
    left.add_again(tried, keys)
    assert left.next("service") is None


def test_a_second_lab_is_for_many_or_where_one_is_needed_anyway() -> None:
    left = Left()
    assert not left.worth(2)
    left.add(one("a"))
    assert not left.worth(2) and left.worth(1)
    left.add(one("gone", when="removed"))
    assert left.worth(3)


def test_nothing_begins_behind_the_end() -> None:
    left = Left()
    left.add(one("a"))
    left.end()
    assert left.next("service") is None and left.first(("service",)) is None
