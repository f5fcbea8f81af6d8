"""The test suite's plugins, and hypothesis' profile: how long an example takes says how busy the machine is."""

from hypothesis import HealthCheck, settings

# And in CI what hypothesis does there.
settings.register_profile("actionlog", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("actionlog")

pytest_plugins = ["tests.stack"]
