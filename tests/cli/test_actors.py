"""`--actors`: what is found in a module."""

from types import ModuleType

import pytest

from offbit_reflow import Actor, Network, actor
from offbit_reflow.cli import actors
from offbit_reflow.cli.exit import UsageError


class Base(Actor):
    component = "base"


class Derived(Base):
    pass


def module(**names):
    made = ModuleType("some_actors")
    vars(made).update(names)
    return made


def test_classes_functions_and_instances_are_found_under_all_their_names():
    shared = Derived()

    @actor(name="summing")
    def add(a, b):
        return a + b

    found = actors.find(module(Base=Base, Derived=Derived, plus=add, shared=shared, Actor=Actor, number=3))
    assert found == {
        "Base": Base,
        "base": Base,
        "Derived": Derived,
        "plus": add,
        "add": add,
        "summing": add,
        "shared": shared,
    }


def test_private_names_stay_private():
    assert actors.find(module(_Base=Base)) == {}


def test_two_actors_of_one_name_are_refused():
    with pytest.raises(UsageError, match="two actors are called `base`"):
        actors.find(module(Base=Base, Other=type("Other", (Actor,), {"component": "base"})))


def test_a_module_without_actors_is_refused():
    with pytest.raises(UsageError, match="no actors in it"):
        actors.register(Network(), ["json"])


def test_one_actor_may_come_from_several_modules(monkeypatch):
    modules = {"first": module(Base=Base), "second": module(Base=Base), "third": module(Base=type("Base", (Base,), {}))}
    monkeypatch.setattr(actors, "load", modules.__getitem__)
    actors.register(Network(), ["first", "second"])
    with pytest.raises(UsageError, match="`Base` is both in first and in third"):
        actors.register(Network(), ["first", "third"])
