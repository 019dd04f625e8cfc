"""Stand-ins on loopback for the two internet services the documented examples call."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

AUTHORS = ["Ada", "Grace", "Ada", "Edsger", "Ada", "Grace", "Barbara"]


class StubServices:
    """Dog images under `/dogs`, news under `/news`, answered from memory."""

    def __init__(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def dogs(self, limit: int) -> list[dict[str, str]]:
        """`limit` images, each with an address that no other answer contains within one answer."""
        return [{"id": f"dog-{index}", "url": f"{self.url}/dogs/images/dog-{index}.jpg"} for index in range(limit)]

    def news(self, category: str) -> dict[str, object]:
        """More articles than any example asks for, so that limiting them shows."""
        return {
            "status": "ok",
            "articles": [
                {"title": f"{category} story {n}", "author": author, "publishedAt": f"2026-03-{n + 1:02}T08:30:00Z"}
                for n, author in enumerate(AUTHORS)
            ],
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        services = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                parts = address.path.strip("/").split("/")
                match parts:
                    case ["dogs", "search"]:
                        limit = int(parse_qs(address.query)["limit"][0])
                        self._answer(json.dumps(services.dogs(limit)).encode(), "application/json")
                    case ["dogs", "images", name]:
                        self._answer(f"picture of {name}".encode(), "image/jpeg")
                    case ["news", category]:
                        self._answer(json.dumps(services.news(category)).encode(), "application/json")
                    case _:
                        self.send_error(404)

            def _answer(self, body: bytes, content_type: str) -> None:
                self.send_response(200)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep the output of the suite to what failed."""

        return Handler
