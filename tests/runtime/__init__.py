"""Tests of the runtime, as users of the Python package see it."""
