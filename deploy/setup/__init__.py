"""Creates what the services need and only check: the topic, the tables. Idempotent; run it before every release."""

from deploy.setup.errors import SetupError
from deploy.setup.run import apply
from deploy.setup.settings import SetupSettings

__all__ = ["SetupError", "SetupSettings", "apply"]
