"""What runs while the checks do, and what they share. A check is a function of a `checks_*.py` with `@check` above it."""

import os
import pathlib
import subprocess
import sys

import requests
import urllib3

import mapihttp
from peers import Haproxy, Server, certificate

urllib3.disable_warnings()

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def checks(function, cases):
    """A check of `function` for each case: the check's name, and what stands behind the world."""
    for name, arguments in cases.items():

        def one(world, arguments=arguments):
            function(world, *arguments)

        one.__name__ = name
        check(one)


def curl(url, *options, environment=None, ends=0, seconds=60):
    """What curl gets, heads and all: answer after answer."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--insecure", "--max-time", str(seconds), "--http1.1", "--raw", "--include"]
        + [*options, url],
        env={**os.environ, **(environment or {})},
        capture_output=True,
    )
    assert done.returncode == ends, f"curl ended {done.returncode}: {done.stderr.decode()}"
    return done.stdout


def last_answer(rest):
    """The status line, the fields and the content of the answer behind the legs before it."""
    while True:
        head, found, rest = rest.partition(b"\r\n\r\n")
        assert found, f"no head: {head!r}"
        line, *fields = head.decode("latin-1").split("\r\n")
        fields = [tuple(field.split(": ", 1)) for field in fields]
        # 100, and 401 with a body of known length.
        length = next((int(value) for name, value in fields if name.lower() == "content-length"), 0)
        if rest[length:].startswith(b"HTTP/1.") and line.split()[1] in ("100", "401"):
            rest = rest[length:]
            continue
        return line, fields, rest


class World:
    """What is running: our server plain and over TLS, haproxy in front of both."""

    def __init__(self, oxprobe, directory, stack):
        self.oxprobe, self.directory, self.stack = oxprobe, directory, stack
        self.server_identity = certificate(directory, "server")
        self.proxy_identity = certificate(directory, "proxy")
        self.plain = stack.enter_context(Server(oxprobe, directory, "--plain"))
        cert, key = self.server_identity
        self.tls = stack.enter_context(Server(oxprobe, directory, "--cert", cert, "--key", key))
        bundles = {}
        for name, (cert, key) in (("server", self.server_identity), ("proxy", self.proxy_identity)):
            bundles[name] = directory / f"{name}-bundle.pem"
            bundles[name].write_text(cert.read_text() + key.read_text())
        case = "    option h1-case-adjust-bogus-client\n"
        self.haproxy = stack.enter_context(
            Haproxy(
                directory,
                {
                    # Header names in lower case, as haproxy writes them, and spelt as Outlook 2010 wants them.
                    "plain": ("", "", self.plain.port, ""),
                    "cased": ("", "", self.plain.port, case),
                    "offload": (f"ssl crt {bundles['proxy']}", "", self.plain.port, ""),
                    "bridge": (f"ssl crt {bundles['proxy']}", "ssl verify none", self.tls.port, ""),
                    "same_certificate": (f"ssl crt {bundles['server']}", "ssl verify none", self.tls.port, ""),
                },
            )
        )

    def through(self, route):
        scheme = "http" if route in ("plain", "cased") else "https"
        _, _, path = self.plain.url.split("//", 1)[1].partition("/")
        return f"{scheme}://127.0.0.1:{self.haproxy.ports[route]}/{path}"

    def impacket(self, script, *arguments):
        """One of impacket's scripts as it is installed, at our server over TLS: all that it prints."""
        scripts, here = pathlib.Path(sys.executable).parent, pathlib.Path(__file__).parent
        done = subprocess.run(
            [sys.executable, "-W", "ignore", here / "connect_to.py", str(self.tls.port), scripts / script, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )
        return done.stdout

    def curl(self, url, *options, request_type="Connect", body=None, environment=None):
        """One request by curl: status, head and content."""
        sent = self.directory / "curl.body"
        sent.write_bytes(mapihttp.connect_body(mapihttp.user_dn("alice")) if body is None else body)
        fields = mapihttp.headers(request_type, 1, "2EF33C39-49C8-421C-B876-CDF7F2AC3AA0")
        named = [part for field in fields.items() for part in ("-H", ": ".join(field))]
        line, fields, rest = last_answer(curl(url, "--data-binary", f"@{sent}", *named, *options, environment=environment))
        return int(line.split()[1]), fields, rest

    def curl_connect(self, url, *options, environment=None):
        status, fields, _ = self.curl(url, *options, environment=environment)
        code = next((value for name, value in fields if name.lower() == "x-responsecode"), None)
        assert (status, code) == (200, "0"), f"HTTP {status}, X-ResponseCode {code}"
        assert any(name.lower() == "set-cookie" for name, _ in fields), "no cookie"
        return fields

    def probe(self, url, *options, user="alice@mail.test", password="secret", local_part="alice"):
        """`oxprobe test` in JSON: exit status and output."""
        done = subprocess.run(
            [self.oxprobe, "test", user, "--url", url, "--user-dn", mapihttp.user_dn(local_part)]
            + ["--password-env", "OXPROBE_PASSWORD", "--listen-seconds", "1", "--json", *[str(o) for o in options]],
            env={**os.environ, "OXPROBE_PASSWORD": password},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        output = done.stdout + done.stderr
        assert password not in output, "the password is in the output"
        return done.returncode, output

    def probe_ok(self, url, *options, **user):
        status, output = self.probe(url, *options, **user)
        assert status == 0, f"oxprobe test ended {status}:\n{output}"
        return output


def session(auth):
    made = requests.Session()
    made.auth = auth
    made.verify = False
    made.trust_env = False  # or a REQUESTS_CA_BUNDLE of the machine's would come before `verify`
    return made


def connects(auth, url, local_part="alice"):
    answer = mapihttp.Client(session(auth), url).whole_session(local_part)
    assert answer.status == 200, f"HTTP {answer.status} {dict(answer.head)}"
    assert answer.tags in ([], ["PROCESSING", "DONE"], ["DONE"]), answer.tags


def refused(auth, url):
    answer = mapihttp.Client(session(auth), url).whole_session("alice")
    assert answer.status == 401, f"expected 401, found {answer.status} with X-ResponseCode {answer.code}"
