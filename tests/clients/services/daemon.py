"""A service of Debian's, with settings of its own, on loopback, in a folder that is gone afterwards."""

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from service import SERVICE

SECONDS_TO_START = 20

# A signal that ends the program must also end what the program started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))


@contextmanager
def daemon(settings: Callable[[Path], list[str | Path]], port: int) -> Iterator[None]:
    """Runs what `settings`, which is given the folder to write them to, says that the command is.

    It stays in the foreground, and writes to its standard error, which is shown when something goes wrong.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A service drops its privileges, and must still find its files.
        folder.chmod(0o755)
        (folder / "ca.pem").write_bytes(Path(SERVICE["certificates"]).read_bytes())
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(settings(folder), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            wait_for(port, process)
            yield
        except BaseException:
            sys.stderr.write(log.read_text(errors="replace"))
            raise
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int, process: subprocess.Popen) -> None:
    """Waits until something listens on the port."""
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
