"""How a server leaves its connections: whatever request arrives is answered, and the answer says it is the last one.

uvicorn closes idle connections as soon as it stops. A request that is under way on one of them then meets a closed
socket: its client sees a reset, and cannot know whether the request was taken. So idle connections stay open for a
moment, in which a client may still send one request, whose answer (``Connection: close``) tells it to go elsewhere.
"""

import asyncio
import socket
from typing import Any

import uvicorn

_POLL_S = 0.02


class DrainingServer(uvicorn.Server):
    """Stops listening first, then lets every connection end with an answer.

    idle_s   seconds that idle connections stay open
    """

    def __init__(self, config: uvicorn.Config, idle_s: float) -> None:
        super().__init__(config)
        self._idle_s = idle_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        # Every answer to a request that begins from now on closes its connection, by its headers.
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        for connection in list(self.server_state.connections):
            if _is_answering(connection):
                connection.shutdown()  # after the answer
        try:
            async with asyncio.timeout(self._idle_s):
                while self.server_state.connections and not self.force_exit:  # noqa: ASYNC110 - uvicorn tells nobody
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            pass  # the rest is idle, or waits for its answer, for which there is uvicorn's own timeout
        await super().shutdown(sockets)


def _is_answering(connection: Any) -> bool:
    """Whether a request of uvicorn's connection waits for its answer."""
    return connection.cycle is not None and not connection.cycle.response_complete
