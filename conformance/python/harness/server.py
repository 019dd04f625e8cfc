"""A real `boxwood serve` process, started and stopped as an operator would."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

REPOSITORY = Path(__file__).resolve().parents[3]

READY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 20

_READY_LINE = re.compile(r"^listening on (?P<address>\S+)$")


class ServerError(AssertionError):
    """The server process did not keep its contract; the message carries what it wrote to standard error."""


def binary() -> Path:
    """The binary under test: `BOXWOOD_BIN`, else the release build, else the debug build.

    Raises:
        ServerError: If there is none.
    """
    if named := os.environ.get("BOXWOOD_BIN"):
        return Path(named)
    for profile in ("release", "debug"):
        candidate = REPOSITORY / "target" / profile / "boxwood"
        if candidate.exists():
            return candidate
    raise ServerError("no boxwood binary: build it with `cargo build --release --bin boxwood`, or set BOXWOOD_BIN")


def storage(data_dir: Path) -> list[str | Path]:
    """Where a server keeps its state: in the folder, or, where `BOXWOOD_TEST_POSTGRES` names a PostgreSQL as
    `host=… port=… user=…`, in a database of it that goes with the folder.
    """
    postgres = os.environ.get("BOXWOOD_TEST_POSTGRES")
    if not postgres:
        return ["--data-dir", data_dir]
    named = data_dir / "database"
    if not named.exists():
        name = f"python_{uuid4().hex}"
        where = dict(word.split("=", 1) for word in postgres.split())
        createdb = Path(os.environ["BOXWOOD_TEST_POSTGRES_BIN"]) / "createdb"
        options = ["-h", where["host"], "-p", where["port"], "-U", where["user"]]
        subprocess.run([createdb, *options, name], check=True, timeout=READY_SECONDS_MAX)
        named.write_text(name)
    return ["--database-url", f"{postgres} dbname={named.read_text()}"]


class Server:
    """One server process. Its state lives in `data_dir`, so a second process may take over after it ended."""

    def __init__(self, data_dir: Path, listen: str = "127.0.0.1:0", arguments: Sequence[str] = ()) -> None:
        """Start the process and read the one line that says it is ready.

        Args:
            data_dir: Where the server keeps its state; made if missing.
            listen: The address to listen on; port 0 lets the system choose.
            arguments: Further arguments of `boxwood serve`.

        Raises:
            ServerError: If the line does not come, or is another one.
        """
        data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir = data_dir
        self._log_path = data_dir.with_name(data_dir.name + ".stderr")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TILEBOX_", "BOXWOOD_", "OTEL_"))}
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "--listen", listen, *storage(data_dir), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )
        # Reading blocks until the line is there or the process is gone; the timer makes sure that one of both happens.
        deadline = threading.Timer(READY_SECONDS_MAX, self.process.kill)
        deadline.start()
        try:
            line = self._stdout.readline().rstrip("\n")
        finally:
            deadline.cancel()
        ready = _READY_LINE.match(line)
        if ready is None:
            self.process.kill()
            self.process.wait()
            raise ServerError(f"expected the line `listening on ADDRESS` on standard output, got {line!r}{self.log()}")
        self.address = ready["address"]

    @property
    def url(self) -> str:
        """The URL a user would give to a client."""
        return self.address

    @property
    def listen(self) -> str:
        """The `--listen` argument with which a successor gets the same address."""
        return self.address.removeprefix("http://").removeprefix("https://")

    @property
    def _stdout(self):
        stdout = self.process.stdout
        assert stdout is not None, "started with a pipe"
        return stdout

    def log(self) -> str:
        """What the server wrote to standard error so far, as a block to append to a message."""
        return f"\n--- server standard error ---\n{self._log_path.read_text(errors='replace')[-8000:]}"

    def stop(self) -> None:
        """End the server as `kill` and every init system do; it must leave with status 0 and have printed no more.

        Raises:
            ServerError: If it does not.
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            rest, _ = self.process.communicate(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"still running {STOP_SECONDS_MAX} s after SIGTERM{self.log()}") from None
        if self.process.returncode != 0:
            raise ServerError(f"exit status {self.process.returncode} after SIGTERM, expected 0{self.log()}")
        if rest:
            raise ServerError(f"standard output must hold one line only, but there came also {rest!r}")

    def kill(self) -> None:
        """End the server the hard way, as a crash or a power cut would."""
        self.process.kill()
        self.process.wait()
        self._stdout.close()

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self.process.poll() is None
