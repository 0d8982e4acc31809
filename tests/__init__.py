"""The Python test suite."""
