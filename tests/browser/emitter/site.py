"""A shop's pages, of another origin than the producer: what its visitors' browsers load."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

# `heard` is what the callbacks were told; the options come in the address.
_PAGE: Final = """<!doctype html><title>Shop</title><link rel="icon" href="data:,">
<button id="buy" style="position:absolute;left:40px;top:30px;width:20px;height:10px">Buy</button>
<script src="/actionlog.js"></script>
<script>
const heard = { rejected: [], dropped: [], failed: [] };
const options = JSON.parse(decodeURIComponent(location.search.slice(1)));
const log = actionlog.createEmitter({
  debug: false,
  onReject: (rejection) => heard.rejected.push(rejection),
  onDrop: (count, reason) => heard.dropped.push([count, reason]),
  onError: (failure) => heard.failed.push(failure),
  ...options,
});
</script>"""
_EMPTY: Final = '<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">'


class Site:
    """``shop(url, userId="u")``: the address of a page with an emitter of these options. ``elsewhere`` has none."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.elsewhere = f"{origin}/elsewhere"

    def shop(self, log_url: str, path: str = "/shop", **options: object) -> str:
        said = {"url": f"{log_url}/log", "sessionId": "s-1", **options}
        return f"{self.origin}{path}?{quote(json.dumps(said))}"


@contextmanager
def serving(dist: Path) -> Iterator[Site]:
    files = {f"/{name}": (dist / name).read_bytes() for name in ("actionlog.js", "index.js")}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            page = _EMPTY if path == "/elsewhere" else _PAGE
            body = files.get(path) or page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if path in files else "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
