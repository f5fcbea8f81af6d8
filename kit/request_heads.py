"""What belongs to a request's head: not its trailers, and no wish for another protocol.

uvicorn gives the application trailers as if they were headers, where a client could write what only a proxy may: RFC
9110, 6.5.1. And of a request that asks for a protocol which is not spoken here it loses the body, though such a request
is to be answered as if it had not asked (7.8). Java's HttpClient asks for HTTP/2 so, with its first request.
"""

import sys

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_SPOKEN = (None, b"websocket")


class HeadProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with such heads."""

    _received = b""
    _again = b""  # of what was received, what is to be read once more

    def data_received(self, data: bytes) -> None:
        while data:
            self._received, self._again = data, b""
            super().data_received(data)
            data = self._again
        self._received = b""

    def on_headers_complete(self) -> None:
        if not self.declines_upgrade():
            self.scope["headers"] = list(self.headers)  # uvicorn goes on adding to its own list
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.declines_upgrade():
            super().on_message_complete()

    def declines_upgrade(self) -> bool:
        """Whether the parser takes what follows the head for a protocol that is not spoken here."""
        return self.parser.should_upgrade() and self._get_upgrade() not in _SPOKEN

    def _unsupported_upgrade_warning(self) -> None:
        """Where uvicorn would only warn: read the request once more, without its wish."""
        ended = sys.exc_info()[1]
        if ended is None or self._get_upgrade() in _SPOKEN:
            return
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)  # one that was to be the connection's last reads nothing more
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._again = b"\r\n".join((*lines, b"", self._received[ended.args[0] :]))
