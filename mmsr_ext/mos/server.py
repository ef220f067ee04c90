"""Collecting ratings."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socket import SHUT_RDWR, gethostname
from typing import Any
from urllib.parse import urlsplit

from ..errors import InputError
from .ratings import NAME, RatingsFile, check_rating
from .study import Study

LIMIT = 4096  # bytes of a submission
REQUEST_SECONDS = 30.0  # in which a request has to be whole, however slowly it comes
MOST_CONNECTIONS = 2000
HEADERS = {
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Content-Security-Policy': "default-src 'none'; img-src 'self' data:; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


def serve_study(out: str | Path, port: int = 8000, host: str = '127.0.0.1', names: Sequence[str] = ()) -> int:
    """Serve a study's page and collect ratings in ``out/ratings.jsonl`` until Ctrl-C.

    Args:
        out: Written by ``build_study``.
        port: 0 for any free one.
        host: Address to listen on; the default is reached from this machine alone.
        names: See ``StudyServer``.

    Returns:
        The number of ratings in the file.

    Raises:
        InputError: If there is no study, its files are incomplete, or the address cannot be used.
    """
    with StudyServer(out, port, host, names) as server:
        if server.ratings.dropped:
            print(server.ratings.dropped)
        print(
            (
                f'{server.url} collects ratings in {Path(out) / NAME} ({len(server.ratings.scores)} so far). '
                'Ctrl-C ends it.'
            ),
            flush=True,
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
        return len(server.ratings.scores)


class StudyServer(ThreadingHTTPServer):
    """Serves the files of a study's page, by an exact list of them, and takes ratings.

    Args:
        out: Written by ``build_study``.
        port: 0 for any free one.
        host: Address to listen on.
        names: Host names under which raters reach the server, beside those of this machine and addresses in
            numbers. A page of another name that a browser was told leads here gets nothing.

    Raises:
        InputError: If there is no study, its files are incomplete, or the address cannot be used.
    """

    daemon_threads = True
    request_queue_size = 512  # many raters begin at the same moment

    def __init__(
        self, out: str | Path, port: int = 8000, host: str = '127.0.0.1', names: Sequence[str] = ()
    ) -> None:
        out = Path(out)
        self.names = {name.lower() for name in ('localhost', host, gethostname(), *names) if name}
        self.waiting: dict[Any, float] = {}  # since when a connection's next request is not whole
        self.study = Study.load(out)
        page = out / 'page'
        self.files = {
            f'/images/{name}.png': page / 'images' / f'{name}.png'
            for name in (*self.study.items, *self.study.training)
        }
        self.files['/'] = page / 'index.html'
        missing = [path for path in self.files.values() if not path.is_file()]
        if missing:
            raise InputError(
                f'{len(missing)} files are missing, such as {missing[0]}. Restore them, or build the study '
                'anew.'
            )
        self.ratings = RatingsFile(out / NAME, self.study)
        try:
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:  # the file is closed then, as server_close is called
            raise InputError(
                f'cannot listen on {host}:{port} ({error}). Choose another port, such as --port 8001.'
            ) from error

    @property
    def url(self) -> str:
        """Return the address of the page."""
        return 'http://{}:{}/'.format(*self.server_address[:2])

    def server_close(self) -> None:
        """Stop listening, and give up the file."""
        super().server_close()
        self.ratings.close()

    def service_actions(self) -> None:
        """Drop clients that send their request too slowly; called twice a second."""
        late = time.monotonic() - REQUEST_SECONDS
        for connection, since in list(self.waiting.items()):
            if since < late:
                with suppress(OSError):
                    connection.shutdown(SHUT_RDWR)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Refuse a connection beyond ``MOST_CONNECTIONS``."""
        return len(self.waiting) < MOST_CONNECTIONS

    def knows(self, host: str) -> bool:
        """Return whether a Host header names this server: by a known name, or by an address in numbers."""
        name = urlsplit(f'//{host}').hostname or ''
        with suppress(ValueError):
            return bool(ip_address(name))
        return name.lower() in self.names

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that goes away in the middle of a reply."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: StudyServer
    protocol_version = 'HTTP/1.1'
    server_version, sys_version = 'mos_study', ''
    timeout = 30  # seconds; a connection that says nothing ends
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Count the time of the first request."""
        super().setup()
        self.server.waiting[self.connection] = time.monotonic()

    def finish(self) -> None:
        """Forget the connection."""
        self.server.waiting.pop(self.connection, None)
        super().finish()

    def handle_one_request(self) -> None:
        """Take a request, whose time counts from the end of the one before."""
        self.server.waiting[self.connection] = time.monotonic()
        super().handle_one_request()

    def _foreign(self) -> bool:
        """Refuse a request that another site's page makes a browser send."""
        try:
            hosts, origin = self.headers.get_all('Host') or [], self.headers.get('Origin')
            known = len(hosts) == 1 and self.server.knows(hosts[0])
            same = origin is None or origin.lower() in {
                f'{way}://{hosts[0].lower()}' for way in ('http', 'https')
            }
        except (ValueError, IndexError):
            known = same = False
        if known and same:
            return False
        self.close_connection = True
        reason = (
            'another site may not send ratings'
            if known
            else ('this server is not known by that name; start it with --name NAME')
        )
        self._refuse(HTTPStatus.FORBIDDEN if known else HTTPStatus.MISDIRECTED_REQUEST, reason)
        return True

    def do_GET(self) -> None:
        """Send a file of the page, or which study this is."""
        if self._foreign():
            return
        path = self.path.partition('?')[0]
        if path == '/study':
            self._json(HTTPStatus.OK, {'name': self.server.study.name})
        elif path in self.server.files:
            file = self.server.files[path]
            content = 'text/html; charset=utf-8' if path == '/' else 'image/png'
            # pictures are kept: the next ones are fetched ahead, and can be shown also while the server is
            # away
            self._reply(
                HTTPStatus.OK, file.read_bytes(), content, 'no-store' if path == '/' else 'max-age=86400'
            )
        else:
            self._refuse(HTTPStatus.NOT_FOUND, 'no such file')

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Store a rating."""
        if self._foreign():
            return
        body = self._body()
        if body is None:
            return
        self.server.waiting[self.connection] = float('inf')  # it is whole
        if self.path != '/rating':
            return self._refuse(HTTPStatus.NOT_FOUND, 'ratings go to /rating')
        if self.headers.get_content_type() != 'application/json':
            return self._refuse(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 'the content type of a rating is application/json'
            )
        try:
            record = json.loads(body)
        except (ValueError, RecursionError) as error:
            return self._refuse(HTTPStatus.BAD_REQUEST, f'not JSON: {error}')
        try:
            rating = check_rating(record, self.server.study)
        except ValueError as error:
            return self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        try:
            recorded = self.server.ratings.add(rating)
        except OSError as error:
            print(f'a rating could not be stored: {error}', file=sys.stderr, flush=True)
            return self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f'not stored: {error.strerror}')
        if recorded is not None:
            return self._json(
                HTTPStatus.CONFLICT, {'error': 'this rater has rated this item already', 'recorded': recorded}
            )
        self._json(HTTPStatus.CREATED, {'recorded': rating.score})

    def _body(self) -> bytes | None:
        """Return what was sent, or None after refusing it."""
        length = self.headers.get('Content-Length')
        if length is None or 'Transfer-Encoding' in self.headers:
            self.close_connection = True
            self._refuse(HTTPStatus.LENGTH_REQUIRED, 'Content-Length is required')
        elif not (length.isascii() and length.isdigit() and len(length) < 16):
            self.close_connection = True
            self._refuse(HTTPStatus.BAD_REQUEST, 'Content-Length is no number')
        elif int(length) > LIMIT:
            # what is on its way is taken, within bounds, because a client that cannot send does not read the
            # refusal
            self.rfile.read(min(int(length), 256 * LIMIT))
            self.close_connection = True
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f'a rating has at most {LIMIT} bytes')
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                return body
            self.close_connection = True  # the client is gone
        return None

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self._json(status, {'error': reason})

    def _json(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        self._reply(status, json.dumps(content).encode(), 'application/json', 'no-store')

    def _reply(self, status: HTTPStatus, body: bytes, content: str, cache: str) -> None:
        self.send_response(status)
        for name, value in {
            'Content-Type': content,
            'Content-Length': str(len(body)),
            'Cache-Control': cache,
            **HEADERS,
        }.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a line for every picture helps nobody."""
