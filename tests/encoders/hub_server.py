"""A loopback server that speaks what huggingface_hub's client needs to fetch files of a repository."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub_server(root: Path) -> Iterator[str]:
    """Serve ``root/owner/repo/file`` and give the address; one that holds a file named GATED is gated."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, *args: object) -> None:
            pass

        def _answer(self, body: bool) -> None:
            parts = unquote(urlparse(self.path).path).strip("/").split("/")
            repository = root.joinpath(*(parts[2:4] if parts[0] == "api" else parts[:2]))
            if not repository.is_dir():
                self._send(401 if repository.name == "private" else 404, b"", {"X-Error-Code": "RepoNotFound"}, body)
            elif (repository / "GATED").exists():
                self._send(403, b"", {"X-Error-Code": "GatedRepo"}, body)
            elif parts[0] == "api":
                names = [{"rfilename": path.name} for path in repository.iterdir()]
                content = json.dumps({"id": "/".join(parts[2:4]), "sha": COMMIT, "siblings": names}).encode()
                self._send(200, content, {"Content-Type": "application/json"}, body)
            elif not (file := repository / parts[-1]).is_file():
                self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, body)
            else:
                content = file.read_bytes()
                etag = f'"{hashlib.sha1(content).hexdigest()}"'
                self._send(200, content, {"ETag": etag, "X-Repo-Commit": COMMIT}, body)

        def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
