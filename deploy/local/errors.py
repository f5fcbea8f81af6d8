"""What can go wrong with the local stack, in words for the person who started it.

LocalError
├── ComponentError           a component could not be fetched or does not match its pin
├── PortBusyError            a port of the stack belongs to another process
├── DataFolderBusyError      another stack runs on this data folder
├── DataFolderMismatchError  the data folder was made with another number of brokers
├── ProcessFailedError       a process did not become ready, or a step ended with an error
└── TooManyDeathsError       one process died again and again
"""


class LocalError(Exception):
    """Ends the command with exit code 1; its text is shown as it is."""


class ComponentError(LocalError):
    """A component could not be fetched, or what arrived does not match its pin."""


class PortBusyError(LocalError):
    """Ports of the stack belong to other processes."""


class DataFolderBusyError(LocalError):
    """Another stack runs on this data folder."""


class DataFolderMismatchError(LocalError):
    """The data folder was made with another number of brokers."""


class ProcessFailedError(LocalError):
    """A process did not become ready, or a one-time step ended with an error."""


class TooManyDeathsError(LocalError):
    """One process died more often within the window than the settings allow."""
