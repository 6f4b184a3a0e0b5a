"""The checks. Each prints PASS or FAIL; the last line counts them; the status is 1 when one failed."""

import argparse
import contextlib
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import requests
import urllib3
from requests_ntlm import HttpNtlmAuth

import mapihttp
from gateway import Gateway, PyspnegoAcceptor, SambaAcceptor
from peers import Haproxy, Server, certificate, der

urllib3.disable_warnings()

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class World:
    """What is running: our server plain and over TLS, haproxy in front of both."""

    def __init__(self, oxprobe, directory, stack):
        self.oxprobe, self.directory = oxprobe, directory
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

    def curl(self, url, *options, request_type="Connect", body=None):
        """One request by curl: status, head and content."""
        sent = self.directory / "curl.body"
        sent.write_bytes(mapihttp.connect_body(mapihttp.user_dn("alice")) if body is None else body)
        fields = mapihttp.headers(request_type, 1, "2EF33C39-49C8-421C-B876-CDF7F2AC3AA0")
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--insecure", "--max-time", "60", "--http1.1", "--raw", "--include"]
            + [part for field in fields.items() for part in ("-H", ": ".join(field))]
            + ["--data-binary", f"@{sent}", *options, url],
            capture_output=True,
        )
        assert done.returncode == 0, f"curl ended {done.returncode}: {done.stderr.decode()}"
        rest = done.stdout
        while True:
            head, found, rest = rest.partition(b"\r\n\r\n")
            assert found, f"no head: {done.stdout!r}"
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split()[1])
            fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
            # The legs before the last one: 100, 401 with their bodies of known length.
            length = next((int(v) for n, v in fields if n.lower() == "content-length"), 0)
            if rest[length:].startswith(b"HTTP/1.1 ") and status in (100, 401):
                rest = rest[length:]
                continue
            return status, fields, rest

    def curl_connect(self, url, *options):
        status, fields, _ = self.curl(url, *options)
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


# --------------------------------------------------------------------------------------- curl, a client without MIC or binding


@check
def curl_without_credentials_is_told_the_schemes(world):
    status, fields, _ = world.curl(world.plain.url)
    offered = {value.split()[0] for name, value in fields if name.lower() == "www-authenticate"}
    assert (status, offered) == (401, {"NTLM", "Basic"}), (status, offered)


@check
def curl_basic(world):
    world.curl_connect(world.plain.url, "--basic", "-u", "alice@mail.test:secret")


@check
def curl_basic_over_tls(world):
    world.curl_connect(world.tls.url, "--basic", "-u", "alice@mail.test:secret")


@check
def curl_basic_with_a_wrong_password_is_refused(world):
    status, _, _ = world.curl(world.plain.url, "--basic", "-u", "alice@mail.test:wrong")
    assert status == 401, status


@check
def curl_ntlm_by_address(world):
    world.curl_connect(world.plain.url, "--ntlm", "-u", "alice@mail.test:secret")


@check
def curl_ntlm_by_domain_and_user(world):
    world.curl_connect(world.plain.url, "--ntlm", "-u", "MAIL\\alice:secret")


@check
def curl_ntlm_by_bare_user(world):
    world.curl_connect(world.plain.url, "--ntlm", "-u", "alice:secret")


@check
def curl_ntlm_over_tls_without_binding(world):
    world.curl_connect(world.tls.url, "--ntlm", "-u", "alice@mail.test:secret")


@check
def curl_ntlm_with_a_wrong_password_is_refused(world):
    status, _, _ = world.curl(world.plain.url, "--ntlm", "-u", "alice@mail.test:wrong")
    assert status == 401, status


@check
def curl_anyauth_takes_the_strongest(world):
    world.curl_connect(world.plain.url, "--anyauth", "-u", "alice@mail.test:secret")


@check
def curl_expects_100_continue(world):
    world.curl_connect(world.plain.url, "--basic", "-u", "alice@mail.test:secret", "-H", "Expect: 100-continue")


@check
def curl_sends_a_chunked_request(world):
    world.curl_connect(
        world.plain.url, "--basic", "-u", "alice@mail.test:secret", "-H", "Transfer-Encoding: chunked", "-H", "Content-Length:"
    )


@check
def curl_over_http_1_0(world):
    status, _, _ = world.curl(world.plain.url, "--basic", "-u", "alice@mail.test:secret", "--http1.0")
    assert status == 200, status


# ------------------------------------------------------------------------ requests_ntlm and pyspnego: NTLMv2 with MIC and binding


@check
def requests_basic(world):
    connects(("alice@mail.test", "secret"), world.plain.url)


@check
def requests_cannot_reach_the_mailbox_of_another(world):
    client = mapihttp.Client(session(HttpNtlmAuth("bob@mail.test", "other")), world.plain.url)
    answer = client.send("Connect", mapihttp.connect_body(mapihttp.user_dn("alice")))
    assert (answer.status, answer.code) == (200, 0), (answer.status, answer.code)
    # 2.2.4.1.2: StatusCode 0, and an ErrorCode that is none of success.
    status, error = struct.unpack_from("<2I", answer.body)
    assert status == 0 and error != 0, f"StatusCode {status}, ErrorCode {error:#x}"


@check
def requests_ntlm_plain(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret"), world.plain.url)


@check
def requests_ntlm_over_tls_with_binding(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret"), world.tls.url)


@check
def requests_ntlm_over_tls_by_address(world):
    connects(HttpNtlmAuth("alice@mail.test", "secret"), world.tls.url)


@check
def requests_ntlm_over_tls_without_binding(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret", send_cbt=False), world.tls.url)


@check
def requests_ntlm_with_a_wrong_password_is_refused(world):
    refused(HttpNtlmAuth("MAIL\\alice", "wrong"), world.tls.url)


@check
def requests_ntlm_of_an_unknown_user_is_refused(world):
    refused(HttpNtlmAuth("MAIL\\mallory", "secret"), world.tls.url)


# ------------------------------------------------------------------------------------------------- haproxy between the two


@check
def haproxy_writes_lower_case(world):
    fields = world.curl_connect(world.through("plain"), "--basic", "-u", "alice@mail.test:secret")
    assert ("x-responsecode", "0") in fields, fields
    connects(HttpNtlmAuth("MAIL\\alice", "secret"), world.through("plain"))
    world.probe_ok(world.through("plain"), "--auth", "ntlm")


@check
def haproxy_spells_names_for_outlook(world):
    fields = world.curl_connect(world.through("cased"), "--ntlm", "-u", "alice@mail.test:secret")
    assert ("X-ResponseCode", "0") in fields, fields


@check
def haproxy_ends_tls_and_basic_goes_through(world):
    connects(("alice@mail.test", "secret"), world.through("offload"))
    world.probe_ok(world.through("offload"), "--auth", "basic", "--ca", world.proxy_identity[0])


@check
def haproxy_ends_tls_and_ntlm_without_binding_goes_through(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret", send_cbt=False), world.through("offload"))
    world.probe_ok(world.through("offload"), "--auth", "ntlm", "--binding", "none", "--ca", world.proxy_identity[0])


@check
def haproxy_bridges_tls_and_breaks_the_binding(world):
    refused(HttpNtlmAuth("MAIL\\alice", "secret"), world.through("bridge"))
    status, output = world.probe(world.through("bridge"), "--auth", "ntlm", "--ca", world.proxy_identity[0])
    assert status == 1, f"ended {status}:\n{output}"
    assert "binding" in output.lower(), f"the likely cause is not named:\n{output}"


@check
def haproxy_with_the_servers_certificate_keeps_the_binding(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret"), world.through("same_certificate"))
    world.probe_ok(world.through("same_certificate"), "--auth", "ntlm", "--ca", world.server_identity[0])


# -------------------------------------------------------------------------------------- our client against others' acceptors


@check
def probe_against_our_server(world):
    world.probe_ok(world.tls.url, "--auth", "ntlm", "--ca", world.server_identity[0])
    world.probe_ok(world.tls.url, "--auth", "basic", "--insecure", user="bob@mail.test", password="other", local_part="bob")


@check
def probe_with_a_wrong_password_says_so(world):
    status, output = world.probe(world.tls.url, "--auth", "ntlm", "--ca", world.server_identity[0], password="wrong-one")
    assert status == 1, f"ended {status}:\n{output}"
    assert "401" in output, output


def pyspnego_gateway(world, binding):
    return Gateway(
        lambda: PyspnegoAcceptor("", "alice@mail.test", "secret", binding),
        ("127.0.0.1", world.plain.port),
        Server.USERS[0],
        world.server_identity,
    )


def url_of(gateway, world):
    _, _, path = world.plain.url.split("//", 1)[1].partition("/")
    return f"https://127.0.0.1:{gateway.port}/{path}"


@check
def pyspnego_accepts_our_client_and_its_binding(world):
    with pyspnego_gateway(world, der(world.server_identity[0])) as gateway:
        world.probe_ok(url_of(gateway, world), "--auth", "ntlm", "--ca", world.server_identity[0])
        assert gateway.verdicts and all(v.startswith("accepted") for v in gateway.verdicts), gateway.verdicts


@check
def pyspnego_refuses_our_client_where_the_binding_is_anothers(world):
    with pyspnego_gateway(world, der(world.proxy_identity[0])) as gateway:
        status, output = world.probe(url_of(gateway, world), "--auth", "ntlm", "--ca", world.server_identity[0])
        assert status == 1, f"ended {status}:\n{output}"
        assert any("binding" in verdict.lower() for verdict in gateway.verdicts), gateway.verdicts


@check
def pyspnego_refuses_our_client_without_binding(world):
    with pyspnego_gateway(world, der(world.server_identity[0])) as gateway:
        options = ("--auth", "ntlm", "--binding", "none", "--ca", world.server_identity[0])
        status, output = world.probe(url_of(gateway, world), *options)
        assert status == 1, f"ended {status}:\n{output}"
        assert any("binding" in verdict.lower() for verdict in gateway.verdicts), gateway.verdicts


def samba_gateway(world):
    return Gateway(
        lambda: SambaAcceptor("alice@mail.test", "secret"),
        ("127.0.0.1", world.plain.port),
        Server.USERS[0],
        world.server_identity,
    )


@check
def samba_ntlm_auth_accepts_our_client(world):
    with samba_gateway(world) as gateway:
        world.probe_ok(url_of(gateway, world), "--auth", "ntlm", "--ca", world.server_identity[0])
        assert gateway.verdicts and all(v.startswith("accepted") for v in gateway.verdicts), gateway.verdicts


@check
def samba_ntlm_auth_refuses_a_wrong_password_of_our_client(world):
    with samba_gateway(world) as gateway:
        options = ("--auth", "ntlm", "--ca", world.server_identity[0])
        status, output = world.probe(url_of(gateway, world), *options, password="wrong-one")
        assert status == 1, f"ended {status}:\n{output}"
        assert gateway.verdicts and all(v.startswith("refused") for v in gateway.verdicts), gateway.verdicts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--oxprobe", required=True, type=pathlib.Path)
    parser.add_argument("names", nargs="*", help="checks whose name starts so")
    options = parser.parse_args()
    checks = [c for c in CHECKS if not options.names or c.__name__.startswith(tuple(options.names))]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        world = World(options.oxprobe.resolve(), pathlib.Path(directory), stack)
        for one in checks:
            start = time.monotonic()
            try:
                one(world)
            except Exception as error:  # a check that fails in any way is a check that fails
                failed += 1
                print(f"FAIL {one.__name__}: {error}", flush=True)
                if not isinstance(error, AssertionError):
                    traceback.print_exc(limit=-3, file=sys.stdout)
            else:
                passed += 1
                print(f"PASS {one.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
