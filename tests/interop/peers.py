"""Starting and stopping what the checks run against: our server, haproxy, certificates."""

import os
import pathlib
import random
import select
import signal
import socket
import subprocess
import sys
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificate(directory, name):
    """A self-signed certificate for mail.test and 127.0.0.1: (certificate, key) as PEM files."""
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        + ["-addext", "subjectAltName=DNS:mail.test,DNS:localhost,IP:127.0.0.1"]
        + ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    return cert, key


def der(cert):
    return subprocess.run(["openssl", "x509", "-in", cert, "-outform", "DER"], check=True, capture_output=True).stdout


def script(text, *arguments, python=sys.executable, fails=None):
    """What a Python program prints; one that `fails` ends with a status, and with this among its errors. It finds the modules of this folder."""
    here = pathlib.Path(__file__).parent
    command = [python, "-W", "ignore", "-c", text, *arguments]
    done = subprocess.run(command, cwd=here, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if fails is None:
        assert done.returncode == 0, done.stderr[-1000:]
    else:
        assert done.returncode != 0 and fails in done.stderr, done.stderr[-1000:]
    return done.stdout


def proxy_url(server):
    """The RPC proxy of a server without TLS."""
    return f"http://127.0.0.1:{server.port}/rpc/rpcproxy.dll"


class Process:
    """A child that ends with the block. `talks` where its first line says something, else both of its outputs are its log."""

    def __init__(self, command, log, env=None, talks=True):
        self.log = pathlib.Path(log)
        err = self.log.open("ab")
        self.child = subprocess.Popen(
            [str(part) for part in command],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else err,
            stderr=err,
            text=True,
        )

    def first_line(self, seconds=30):
        ready, _, _ = select.select([self.child.stdout], [], [], seconds)
        line = self.child.stdout.readline().strip() if ready else ""
        assert line, f"{self.child.args[0]} said nothing within {seconds} s: {self.log.read_text()[-500:]}"
        return line

    def listens(self, port):
        until = time.monotonic() + 30
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                assert self.child.poll() is None, f"{self.child.args[0]} ended: {self.log.read_text()[-1000:]}"
                assert time.monotonic() < until, f"{self.child.args[0]} does not listen"
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        if self.child.stdout:
            self.child.stdout.close()


class Server(Process):
    """`oxprobe serve`, for alice and bob."""

    USERS = (("alice@mail.test", "secret"), ("bob@mail.test", "other"))

    def __init__(self, oxprobe, directory, *options):
        users = [part for user in self.USERS for part in ("--user", ":".join(user))]
        super().__init__(
            [oxprobe, "serve", "--listen", "127.0.0.1:0", *users, *options],
            directory / "serve.log",
        )
        self.url = next(word for word in self.first_line().split() if word.startswith("http"))
        self.port = int(self.url.split("/")[2].rpartition(":")[2])


HAPROXY = """
global
    h1-case-adjust content-type Content-Type
    h1-case-adjust set-cookie Set-Cookie
    h1-case-adjust x-responsecode X-ResponseCode
    h1-case-adjust x-requesttype X-RequestType
defaults
    mode {mode}
    timeout connect 5s
    timeout client 400s
    timeout server 400s
"""


class Haproxy(Process):
    """haproxy with one frontend for each route: name -> (options of bind, options of server, port behind, more lines)."""

    def __init__(self, directory, routes, mode="http"):
        text = HAPROXY.format(mode=mode)
        self.ports = {}
        for name, (bind, server, behind, more) in routes.items():
            port = self.ports[name] = free_port()
            text += f"frontend {name}\n    bind 127.0.0.1:{port} {bind}\n    default_backend to_{name}\n{more}"
            text += f"backend to_{name}\n    server one 127.0.0.1:{behind} {server}\n"
        config = directory / "haproxy.cfg"
        config.write_text(text)
        super().__init__(["haproxy", "-db", "-f", config], directory / "haproxy.log", talks=False)
        for port in self.ports.values():
            self.listens(port)


class Screen(Process):
    """An X server without a screen."""

    def __init__(self, directory):
        # A server that looks for a free number takes the sockets of others away as it looks. It says its number once it is ready.
        self.display = f":{random.randrange(1000, 30000)}"
        options = ["-displayfd", "1", "-screen", "0", "640x480x24", "-fbdir", directory, "-nolisten", "tcp", "-noreset"]
        super().__init__(["Xvfb", self.display, *options], directory / "xvfb.log")
        self.first_line()
        self.pixels = directory / "Xvfb_screen0"

    def shows_noise(self):
        """Random pixels, which nothing compresses."""
        size = 640 * 480 * 4
        with self.pixels.open("r+b") as file:
            file.seek(self.pixels.stat().st_size - size)
            file.write(os.urandom(size))


class TerminalServer(Process):
    """FreeRDP's server of what an X display shows, for whoever asks."""

    def __init__(self, directory, display):
        self.port = free_port()
        options = [f"/port:{self.port}", "/bind-address:127.0.0.1", "/sec:tls", "-auth"]
        env = {**os.environ, "DISPLAY": display, "HOME": str(directory)}
        super().__init__(["freerdp-shadow-cli", *options], directory / "shadow.log", env, talks=False)
        self.listens(self.port)
