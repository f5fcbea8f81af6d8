"""A connection without a network."""

import asyncio


class Recorded(asyncio.Transport):
    """A transport that remembers each write, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """The protocol has enough requests for now."""

    def resume_reading(self) -> None:
        """The protocol can take more."""
