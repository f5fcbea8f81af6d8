"""Why a setup could not be done."""


class SetupError(Exception):
    """The message says what is wrong, for the person who runs the setup."""
