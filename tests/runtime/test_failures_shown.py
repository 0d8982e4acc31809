"""Failures are short where they are listed, and complete where they are printed."""

from offbit_reflow import actor
from offbit_reflow.testing import run_actor


def test_a_failure_in_a_line_and_in_full():
    @actor
    def bad(x):
        raise ValueError("<no> " * 100)

    (failure,) = run_actor(bad, {"x": 1}).failures
    assert repr(failure).startswith("<Failure of `actor`, tick 1: ValueError: <no> <no>")
    assert len(repr(failure)) < 250
    assert "Traceback" in str(failure)
    assert "&lt;no&gt;" in failure._repr_html_()
    assert "<no>" not in failure._repr_html_()
