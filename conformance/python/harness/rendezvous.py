"""Where tasks in any process meet the case that started them: arrivals, gates and barriers over loopback HTTP.

A task calls the functions at the bottom; the case holds the `Rendezvous`. No side sleeps: each waits for the other.
"""

import os
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

URL_VARIABLE = "BOXWOOD_CONFORMANCE_RENDEZVOUS"

WAIT_SECONDS_MAX = 60


class Rendezvous:
    """Names are free text; a case uses names of its own, since one rendezvous serves the whole session."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._arrivals: Counter[str] = Counter()
        self._open: set[str] = set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def arrivals(self, name: str) -> int:
        """How often `arrive(name)` was called."""
        with self._changed:
            return self._arrivals[name]

    def wait_for(self, name: str, count: int = 1, timeout: float = WAIT_SECONDS_MAX) -> None:
        """Block until `name` has been reached `count` times."""
        with self._changed:
            reached = self._changed.wait_for(lambda: self._arrivals[name] >= count, timeout)
            assert reached, f"{name!r} was reached {self._arrivals[name]} times within {timeout} s, expected {count}"

    def open(self, gate: str) -> None:
        """Let everybody through who waits at `gate`, now or later."""
        with self._changed:
            self._open.add(gate)
            self._changed.notify_all()

    def _arrive(self, name: str) -> bool:
        with self._changed:
            self._arrivals[name] += 1
            self._changed.notify_all()
        return True

    def _pass(self, gate: str) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: gate in self._open, WAIT_SECONDS_MAX)

    def _meet(self, name: str, count: int) -> bool:
        """Block until `count` callers are here at the same time."""
        self._arrive(name)
        with self._changed:
            return self._changed.wait_for(lambda: self._arrivals[name] >= count, WAIT_SECONDS_MAX / 3)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        rendezvous = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                verb, name, *count = (urllib.parse.unquote(part) for part in self.path.strip("/").split("/"))
                match verb:
                    case "arrive":
                        reached = rendezvous._arrive(name)
                    case "pass":
                        reached = rendezvous._pass(name)
                    case "meet":
                        reached = rendezvous._meet(name, int(count[0]))
                    case _:
                        reached = False
                self.send_response(204 if reached else 504)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep the output of the suite to what failed."""

        return Handler


def arrive(name: str) -> None:
    """Called by a task: tell the case that this point was reached."""
    _call("arrive", name)


def pass_gate(gate: str) -> None:
    """Called by a task: block until the case opens `gate`."""
    _call("pass", gate)


def meet(name: str, count: int) -> None:
    """Called by a task: block until `count` tasks are here at the same time; raises if they never are."""
    _call("meet", name, str(count))


def _call(verb: str, *parts: str) -> None:
    path = "/".join(urllib.parse.quote(part, safe="") for part in parts)
    request = urllib.request.Request(f"{os.environ[URL_VARIABLE]}/{verb}/{path}", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS_MAX + 5):
            pass
    except urllib.error.HTTPError as error:
        raise TimeoutError(f"{verb} {'/'.join(parts)}: nobody came") from error
