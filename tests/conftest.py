"""The test suite's plugins, and hypothesis' profile: how long an example takes says how busy the machine is."""

from hypothesis import settings

settings.register_profile("actionlog", settings(), deadline=None)  # and in CI what hypothesis does there
settings.load_profile("actionlog")

pytest_plugins = ["tests.stack"]
