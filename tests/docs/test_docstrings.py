"""Every public name says what it is, with an example that runs: what Shift-Tab in a notebook shows."""

import doctest
import importlib
import inspect

import pytest

import offbit_reflow

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
#: Attributes of data, which the docstring of their class explains.
DATA = (
    offbit_reflow.Diagnostic,
    offbit_reflow.Failure,
    offbit_reflow.GraphDiff,
    offbit_reflow.RunResult,
    offbit_reflow.Signal,
)


def docstring(name):
    thing = offbit_reflow
    for part in name.split("."):
        thing = getattr(thing, part)
    return inspect.getdoc(thing) or ""


def public():
    for name in offbit_reflow.__all__:
        thing = getattr(offbit_reflow, name)
        if inspect.ismodule(thing) or isinstance(thing, str):
            continue
        yield name
        if inspect.isclass(thing) and not issubclass(thing, (BaseException, tuple, dict)) and thing not in DATA:
            for member in dir(thing):
                value = inspect.getattr_static(thing, member)
                if not member.startswith("_") and (callable(getattr(thing, member)) or inspect.isdatadescriptor(value)):
                    yield f"{name}.{member}"


NAMES = list(public())


def test_names():
    assert len(NAMES) > 200


@pytest.mark.parametrize("name", NAMES)
def test_docstring(name):
    assert docstring(name), "it has no docstring"


@pytest.mark.parametrize("name", [name for name in NAMES if ">>>" in docstring(name)])
def test_example(name):
    test = doctest.DocTestParser().get_doctest(docstring(name), vars(offbit_reflow).copy(), name, None, 0)
    assert doctest.DocTestRunner(optionflags=OPTIONS).run(test).failed == 0


def test_everything_has_an_example():
    assert not [name for name in NAMES if ">>>" not in docstring(name)]


MODULES = ("connectors", "operators", "testing", "metrics", "telemetry", "media", "store")


@pytest.mark.parametrize("name", MODULES)
def test_modules_have_examples(name):
    module = importlib.import_module(f"offbit_reflow.{name}")
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=OPTIONS)
    names = getattr(module, "__all__", None) or [
        one for one in vars(module) if getattr(vars(module)[one], "__module__", None) == module.__name__
    ]
    public = [thing for one in names if not one.startswith("_") and hasattr(thing := getattr(module, one), "__name__")]
    for thing in public:
        tests = [test for test in finder.find(thing, thing.__name__, module) if test.examples]
        assert tests, f"{thing.__name__} has no example"
        assert all(runner.run(test).failed == 0 for test in tests)
    assert public
