"""The test suite's plugins."""

pytest_plugins = ["tests.stack"]
