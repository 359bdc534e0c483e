"""A loopback server of files that notes what it was asked for and sent.

It can break off, hang, or ignore ranges.
"""

import hashlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from zoobot.datasets.download import RemoteFile


@dataclass
class Answer:
    """One request, and what was sent of the file: ``sent`` bytes from ``start`` on."""

    path: str
    range: str | None
    start: int = 0
    sent: int = 0


@dataclass
class FileServer:
    """Serves ``folder`` until `stop`.

    ``cuts`` says for each of the next answers after how many bytes the connection is closed; ``hang`` keeps it open
    instead. Without ``ranges``, the whole file is sent whatever is asked for.
    """

    folder: Path
    ranges: bool = True
    wrong_range: bool = False
    hang: bool = False
    cuts: list[int] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        files = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                files.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def asked(self) -> list[str]:
        """Names of the files that were asked for, in order."""
        return [answer.path for answer in self.answers]

    def publish(self, name: str, content: bytes) -> RemoteFile:
        """Write a file to serve; give its address and checksum."""
        (self.folder / name).write_bytes(content)
        return RemoteFile(f"http://127.0.0.1:{self.server.server_port}/{name}", hashlib.md5(content).hexdigest())

    def stop(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.strip("/").partition("?")[0]
        answer = Answer(name, request.headers.get("Range"))
        self.answers.append(answer)
        if not (self.folder / name).is_file():
            request.send_error(404)
            return
        content = (self.folder / name).read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-", answer.range or "")
        if wanted and self.ranges and int(wanted[1]) >= len(content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        answer.start = int(wanted[1]) if wanted and self.ranges else 0
        request.send_response(206 if answer.start else 200)
        if answer.start:
            first = answer.start + 7 * self.wrong_range
            request.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - answer.start))
        request.end_headers()
        body = content[answer.start :]
        cut = self.cuts.pop(0) if self.cuts else len(body)
        request.wfile.write(body[:cut])
        answer.sent = len(body[:cut])
        if cut < len(body) and self.hang:
            request.wfile.flush()
            self.released.wait(60)
