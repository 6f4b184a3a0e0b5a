"""Negotiate: SPNEGO with NTLM and with Kerberos inside, channel bindings, a proxy that ends TLS. A KDC of MIT's runs meanwhile."""

import base64
import hashlib
import json
import os
import subprocess
import time

import gssapi
import requests
import spnego
from gssapi.raw import ChannelBindings
from impacket import ntlm as impacket_ntlm
from impacket import spnego as impacket_spnego
from spnego.channel_bindings import GssChannelBindings

import mapihttp
from gateway import Gateway, PyspnegoNegotiateAcceptor, Refused, SambaNegotiateAcceptor
from kdc import Kdc
from peers import Haproxy, Process, Server, certificate, der, free_port
from world import check, connects, refused

HELPER = os.environ.get("OXWIRE_GSSAPI_HELPER", "oxwire-gssapi-helper")


def end_point(certificate_der):
    return b"tls-server-end-point:" + hashlib.sha256(certificate_der).digest()


def kdc(world):
    if not hasattr(world, "kdc"):
        world.kdc = world.stack.enter_context(Kdc(world.directory))
        os.environ["KRB5_CONFIG"] = world.kdc.environment["KRB5_CONFIG"]
        # Made once the KDC answers.
        world.tickets = world.kdc.tickets()
    return world.kdc


def server(world, *options, identity=True):
    """`serve` with Negotiate; its log is read by `log`."""
    tls = ["--cert", world.server_identity[0], "--key", world.server_identity[1]] if identity else ["--plain"]
    directory = world.directory / f"negotiate-{time.monotonic_ns()}"
    directory.mkdir()
    made = Server(world.oxprobe, directory, *tls, "--auth", "basic,ntlm,negotiate", *options)
    made.url = made.url.replace("127.0.0.1", "localhost")
    return made


def log_has(made, text):
    until = time.monotonic() + 5
    while text not in made.log.read_text():
        assert time.monotonic() < until, f"not in the log: {text}\n{made.log.read_text()[-1500:]}"
        time.sleep(0.02)


def keytab(world):
    return ["--keytab", kdc(world).keytab, "--gssapi-helper", HELPER]


def tickets(world):
    kdc(world)
    return ["--auth", "negotiate", "--ccache", world.tickets, "--gssapi-helper", HELPER]


def authentication(output):
    """What the probe's authentication step says."""
    return next(json.loads(line) for line in output.splitlines() if '"step":"authentication"' in line)


def ntlm_users(world):
    file = world.directory / "ntlm-users"
    file.write_text("MAIL:alice:secret\n:alice@mail.test:secret\nMAIL:alice@mail.test:secret\n")
    return file


class Challenged(requests.auth.AuthBase):
    """Authenticates where Negotiate is asked for."""

    def __call__(self, request):
        request.register_hook("response", self.on_response)
        return request

    def on_response(self, response, **options):
        asked = response.status_code == 401 and "Negotiate" in response.headers.get("WWW-Authenticate", "")
        return self.authenticate(response, **options) if asked else response


class Spnego(Challenged):
    """pyspnego's initiator over requests: SPNEGO, with or without a channel binding."""

    def __init__(self, binding=None, password="secret"):
        self.binding = GssChannelBindings(application_data=end_point(binding)) if binding else None
        self.password = password

    def authenticate(self, response, **options):
        context = spnego.client(
            "MAIL\\alice", self.password, hostname="localhost", service="HTTP", protocol="negotiate",
            options=spnego.NegotiateOptions.use_negotiate, channel_bindings=self.binding,
        )
        token = context.step()
        for _ in range(4):
            response.content
            response.raw.release_conn()
            request = response.request.copy()
            request.deregister_hook("response", self.on_response)
            request.headers["Authorization"] = "Negotiate " + base64.b64encode(token).decode()
            response = response.connection.send(request, **options)
            value = response.headers.get("WWW-Authenticate", "")
            if not value.startswith("Negotiate "):
                break
            token = context.step(base64.b64decode(value.split()[1].rstrip(",")))
            if response.status_code != 401 or not token:
                assert response.status_code == 401 or context.complete, "the last token did not complete pyspnego"
                break
        return response


# ---------------------------------------------------------------------------------------------------- clients of our acceptor


@check
def negotiate_curl_with_gss_ntlmssp(world):
    with server(world) as made:
        environment = {"NTLM_USER_FILE": str(ntlm_users(world)), "KRB5CCNAME": "FILE:/nonexistent"}
        fields = world.curl_connect(made.url, "--negotiate", "-u", ":", environment=environment)
        assert any(name.lower() == "www-authenticate" and value.startswith("Negotiate ") for name, value in fields)
        log_has(made, "authenticated by Negotiate (NTLM)")


@check
def negotiate_curl_with_gss_ntlmssp_where_the_server_prefers_kerberos(world):
    with server(world, *keytab(world)) as made:
        environment = {"NTLM_USER_FILE": str(ntlm_users(world)), "KRB5CCNAME": "FILE:/nonexistent"}
        world.curl_connect(made.url, "--negotiate", "-u", ":", environment=environment)
        log_has(made, "authenticated by Negotiate (NTLM)")


@check
def negotiate_curl_with_kerberos(world):
    with server(world, *keytab(world)) as made:
        environment = kdc(world).client(world.tickets)
        world.curl_connect(made.url, "--negotiate", "-u", ":", environment=environment)
        log_has(made, "authenticated by Negotiate (Kerberos), binding none")


@check
def negotiate_without_binding_is_refused_where_it_is_required(world):
    with server(world, "--epa", "require", *keytab(world)) as made:
        environment = kdc(world).client(world.tickets)
        status, _, _ = world.curl(made.url, "--negotiate", "-u", ":", environment=environment)
        assert status == 401, status
        log_has(made, "no channel binding was proved, and Extended Protection is required")
        status, _, _ = world.curl(made.url, "--ntlm", "-u", "alice@mail.test:secret")
        assert status == 401, status
        log_has(made, "no channel binding was sent, and Extended Protection is required")


@check
def negotiate_pyspnego_with_mic_and_binding(world):
    with server(world, "--epa", "require") as made:
        connects(Spnego(der(world.server_identity[0])), made.url)
        log_has(made, "authenticated by Negotiate (NTLM), binding tls-server-end-point")


@check
def negotiate_pyspnego_with_anothers_binding_is_refused(world):
    with server(world) as made:
        refused(Spnego(der(world.proxy_identity[0])), made.url)
        log_has(made, "the channel binding is that of another TLS connection")
        refused(Spnego(password="wrong"), made.url)
        log_has(made, "wrong password")


class Impacket(Challenged):
    """impacket's SPNEGO and NTLM over requests, put together as its SMB client does: no MIC, no mechListMIC."""

    def __init__(self, binding=None, password="secret"):
        channel = GssChannelBindings(application_data=end_point(binding)).pack() if binding else None
        self.binding = hashlib.md5(channel).digest() if channel else b""
        self.password = password

    def authenticate(self, response, **options):
        def leg(response, token):
            response.content
            response.raw.release_conn()
            request = response.request.copy()
            request.deregister_hook("response", self.on_response)
            request.headers["Authorization"] = "Negotiate " + base64.b64encode(token.getData()).decode()
            return response.connection.send(request, **options)

        first = impacket_ntlm.getNTLMSSPType1("", "", True, use_ntlmv2=True)
        token = impacket_spnego.SPNEGO_NegTokenInit()
        token["MechTypes"] = [impacket_spnego.TypesMech["NTLMSSP - Microsoft NTLM Security Support Provider"]]
        token["MechToken"] = first.getData()
        response = leg(response, token)
        value = response.headers.get("WWW-Authenticate", "")
        if not value.startswith("Negotiate "):
            return response
        challenge = impacket_spnego.SPNEGO_NegTokenResp(base64.b64decode(value.split()[1].rstrip(",")))["ResponseToken"]
        last, _ = impacket_ntlm.getNTLMSSPType3(
            first, bytes(challenge), "alice", self.password, "MAIL", channel_binding_value=self.binding, service="HTTP"
        )
        token = impacket_spnego.SPNEGO_NegTokenResp()
        token["ResponseToken"] = last.getData()
        return leg(response, token)


@check
def negotiate_impacket_with_and_without_binding(world):
    identity = der(world.server_identity[0])
    with server(world) as made:
        connects(Impacket(), made.url)
        log_has(made, "authenticated by Negotiate (NTLM), binding none")
        connects(Impacket(identity), made.url)
        log_has(made, "authenticated by Negotiate (NTLM), binding tls-server-end-point")
        refused(Impacket(password="wrong"), made.url)
        log_has(made, "wrong password")
    with server(world, "--epa", "require") as made:
        refused(Impacket(), made.url)
        log_has(made, "no channel binding was sent, and Extended Protection is required")
        connects(Impacket(identity), made.url)


# ------------------------------------------------------------------------------------------------ our client at others' acceptors


def pyspnego_gateway(world, identity):
    return Gateway(world, lambda: PyspnegoNegotiateAcceptor("", "alice@mail.test", "secret", der(identity[0])), scheme="Negotiate")


@check
def negotiate_pyspnego_accepts_our_client_and_its_binding(world):
    with pyspnego_gateway(world, world.server_identity) as gateway:
        output = world.probe_ok(f"https://127.0.0.1:{gateway.port}/mapi/emsmdb/", "--insecure", "--auth", "negotiate")
        detail = authentication(output)["detail"]
        assert detail["mechanism"] == "NTLM" and detail["last token"].startswith("verified"), detail
        assert gateway.verdicts and all(v.startswith("accepted") for v in gateway.verdicts), gateway.verdicts


@check
def negotiate_pyspnego_refuses_our_client_where_the_binding_is_anothers(world):
    with pyspnego_gateway(world, world.proxy_identity) as gateway:
        status, output = world.probe(
            f"https://127.0.0.1:{gateway.port}/mapi/emsmdb/", "--insecure", "--auth", "negotiate"
        )
        assert status == 1 and "Negotiate with NTLM inside" in output, output
        assert gateway.verdicts[0].startswith("refused"), gateway.verdicts


def samba_gateway(world):
    return Gateway(world, lambda: SambaNegotiateAcceptor("alice@mail.test", "secret"), scheme="Negotiate")


@check
def negotiate_samba_ntlm_auth_accepts_our_client(world):
    with samba_gateway(world) as gateway:
        output = world.probe_ok(f"https://127.0.0.1:{gateway.port}/mapi/emsmdb/", "--insecure", "--auth", "negotiate")
        assert authentication(output)["detail"]["mechanism"] == "NTLM", output
        assert gateway.verdicts and all(v.startswith("accepted") for v in gateway.verdicts), gateway.verdicts


@check
def negotiate_samba_ntlm_auth_refuses_a_wrong_password_of_our_client(world):
    with samba_gateway(world) as gateway:
        url = f"https://127.0.0.1:{gateway.port}/mapi/emsmdb/"
        status, output = world.probe(url, "--insecure", "--auth", "negotiate", password="wrong-one")
        assert status == 1, f"ended {status}:\n{output}"
        assert gateway.verdicts and all(v.startswith("refused") for v in gateway.verdicts), gateway.verdicts


class GssapiAcceptor:
    """MIT's GSSAPI: its SPNEGO with its Kerberos, or with gss-ntlmssp's NTLM. Says whether the client was bound."""

    def __init__(self, binding, mechs=None):
        bindings = ChannelBindings(application_data=binding) if binding else None
        creds = gssapi.Credentials(usage="accept", mechs=mechs)
        self.context = gssapi.SecurityContext(creds=creds, usage="accept", channel_bindings=bindings)

    def step(self, token):
        try:
            answer = self.context.step(token)
            # An error that came with a token is told by the next call.
            complete = self.context.complete
        except gssapi.exceptions.GSSError as error:
            raise Refused(str(error)) from error
        if not complete:
            return answer, None
        # GSS_C_CHANNEL_BOUND_FLAG of MIT 1.19 and later.
        bound = bool(int(self.context.actual_flags) & 0x800)
        return answer, f"{self.context.initiator_name} bound={bound}"


def gssapi_gateway(world, identity):
    os.environ["KRB5_KTNAME"] = f"FILE:{kdc(world).keytab}"
    binding = end_point(der(identity[0]))
    return Gateway(world, lambda: GssapiAcceptor(binding), scheme="Negotiate")


@check
def negotiate_gssapi_accepts_our_ticket_and_says_that_it_was_bound(world):
    with gssapi_gateway(world, world.server_identity) as gateway:
        url = f"https://localhost:{gateway.port}/mapi/emsmdb/"
        output = world.probe_ok(url, "--insecure", *tickets(world))
        assert authentication(output)["detail"]["mechanism"] == "Kerberos", output
        assert gateway.verdicts[0] == "accepted: alice@MAIL.TEST bound=True", gateway.verdicts
        world.probe_ok(url, "--insecure", "--binding", "none", *tickets(world))
        assert gateway.verdicts[-1] == "accepted: alice@MAIL.TEST bound=False", gateway.verdicts


@check
def negotiate_gssapi_refuses_our_ticket_where_the_binding_is_anothers(world):
    with gssapi_gateway(world, world.proxy_identity) as gateway:
        url = f"https://localhost:{gateway.port}/mapi/emsmdb/"
        status, output = world.probe(url, "--insecure", *tickets(world))
        assert status == 1 and "Kerberos inside" in output, output
        assert "channel binding" in gateway.verdicts[0].lower(), gateway.verdicts


@check
def negotiate_without_a_ticket_says_what_to_do(world):
    with gssapi_gateway(world, world.server_identity) as gateway:
        url = f"https://localhost:{gateway.port}/mapi/emsmdb/"
        kdc(world)
        options = ["--auth", "negotiate", "--ccache", "/nonexistent", "--gssapi-helper", HELPER]
        status, output = world.probe(url, "--insecure", *options)
        assert status == 1 and "no mechanism could begin" in output and "kinit" in output, output


APACHE = """
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {directory}/apache.pid
ErrorLog {directory}/error.log
LogLevel warn auth_gssapi:debug
{modules}
<Location />
    AuthType GSSAPI
    AuthName "apache"
    GssapiAllowedMech krb5
    GssapiAllowedMech ntlmssp
    GssapiConnectionBound On
    Require valid-user
    RequestHeader set Authorization "Basic {basic}"
    ProxyPass http://127.0.0.1:{behind}/ flushpackets=on
</Location>
"""


class Apache(Process):
    """apache2 with mod_auth_gssapi in front of our server."""

    def __init__(self, world, name):
        directory = world.directory / name
        directory.mkdir()
        self.port = free_port()
        names = "mpm_event authn_core authz_core authz_user auth_gssapi headers proxy proxy_http".split()
        modules = "\n".join(f"LoadModule {n}_module /usr/lib/apache2/modules/mod_{n}.so" for n in names)
        config = directory / "apache.conf"
        config.write_text(
            APACHE.format(
                port=self.port,
                directory=directory,
                modules=modules,
                behind=world.plain.port,
                basic=base64.b64encode(":".join(Server.USERS[0]).encode()).decode(),
            )
        )
        self.errors = directory / "error.log"
        environment = {**os.environ, **kdc(world).acceptor(), "NTLM_USER_FILE": str(ntlm_users(world))}
        # As whoever runs the checks; root's children run as the user that the distribution made.
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        config.write_text(user + config.read_text())
        for path in (world.directory, kdc(world).directory, directory):
            path.chmod(0o755)
        kdc(world).keytab.chmod(0o644)
        super().__init__(["apache2", "-f", config, "-DFOREGROUND"], directory / "apache.log", env=environment)
        self.url = f"http://localhost:{self.port}/mapi/emsmdb/"
        until = time.monotonic() + 10
        while True:
            try:
                requests.get(self.url, timeout=5)
                break
            except requests.ConnectionError:
                assert self.child.poll() is None, self.log.read_text() + self.errors.read_text()
                assert time.monotonic() < until, "apache2 does not listen"
                time.sleep(0.05)


@check
def negotiate_apache_accepts_our_ticket(world):
    with Apache(world, "apache-kerberos") as apache:
        output = world.probe_ok(apache.url, *tickets(world))
        detail = authentication(output)["detail"]
        assert detail["mechanism"] == "Kerberos" and detail["last token"].startswith("verified"), detail


@check
def negotiate_apache_accepts_our_ntlm_by_gss_ntlmssp(world):
    with Apache(world, "apache-ntlm") as apache:
        output = world.probe_ok(apache.url, "--auth", "negotiate")
        assert authentication(output)["detail"]["mechanism"] == "NTLM", output


# ------------------------------------------------------------------------------------------------------- both ends, and a proxy


@check
def negotiate_kerberos_between_our_ends_with_binding_required(world):
    with server(world, "--epa", "require", *keytab(world)) as made:
        output = world.probe_ok(made.url, "--insecure", *tickets(world))
        detail = authentication(output)["detail"]
        assert (detail["mechanism"], detail["binding"]) == ("Kerberos", "tls-server-end-point"), detail
        assert detail["last token"].startswith("verified"), detail
        status, output = world.probe(made.url, "--insecure", "--binding", "none", *tickets(world))
        assert status == 1 and "Kerberos inside and channel binding none" in output, output
        log_has(made, "Extended Protection is required")


@check
def negotiate_haproxy_ends_tls(world):
    """Behind a proxy that ends TLS: Off and Allow work, Require fails with its reason, the proxy's binding works. Allow with the
    proxy's binding configured takes it, and none, and not another's."""
    cert, key = certificate(world.directory, "offload")
    bundle = world.directory / "offload-bundle.pem"
    bundle.write_text(cert.read_text() + key.read_text())
    with (
        server(world, "--epa", "off", identity=False) as off,
        server(world, "--epa", "allow", identity=False) as allow,
        server(world, "--epa", "allow", "--tls-ends-at", cert, identity=False) as allow_bound,
        server(world, "--epa", "allow", "--tls-ends-at", world.proxy_identity[0], identity=False) as allow_other,
        server(world, "--epa", "require", identity=False) as require,
        server(world, "--epa", "require", "--tls-ends-at", cert, *keytab(world), identity=False) as bound,
    ):
        directory = world.directory / "haproxy-negotiate"
        directory.mkdir()
        routes = {
            name: (f"ssl crt {bundle}", "", made.port, "")
            for name, made in (
                ("off", off),
                ("allow", allow),
                ("allow_bound", allow_bound),
                ("allow_other", allow_other),
                ("require", require),
                ("bound", bound),
            )
        }
        with Haproxy(directory, routes) as haproxy:
            url = {name: f"https://localhost:{port}/mapi/emsmdb/" for name, port in haproxy.ports.items()}
            for auth in ("ntlm", "negotiate"):
                world.probe_ok(url["off"], "--insecure", "--auth", auth)
                world.probe_ok(url["allow"], "--insecure", "--auth", auth)
                world.probe_ok(url["allow_bound"], "--insecure", "--auth", auth)
                world.probe_ok(url["allow_bound"], "--insecure", "--auth", auth, "--binding", "none")
                status, output = world.probe(url["allow_other"], "--insecure", "--auth", auth)
                assert status == 1, output
                status, output = world.probe(url["require"], "--insecure", "--auth", auth)
                assert status == 1, output
                world.probe_ok(url["bound"], "--insecure", "--auth", auth)
                status, output = world.probe(url["bound"], "--insecure", "--auth", auth, "--binding", "none")
                assert status == 1, output
            log_has(allow_bound, "binding tls-server-end-point")
            log_has(allow_bound, "binding none")
            log_has(allow_other, "the channel binding is that of another TLS connection")
            log_has(require, "no channel binding is configured for this connection")
            log_has(bound, "no channel binding was sent, and Extended Protection is required")
            world.probe_ok(url["bound"], "--insecure", *tickets(world))
            log_has(bound, "authenticated by Negotiate (Kerberos), binding tls-server-end-point")


class Helper:
    """The helper of oxwire-gssapi by itself."""

    def __init__(self, world, line):
        environment = {**os.environ, **kdc(world).client(world.tickets), **kdc(world).acceptor()}
        self.child = subprocess.Popen(
            [HELPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.ask(line) == ["ok"]

    def ask(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().split()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        assert self.child.wait(10) == 0
        self.child.stdout.close()


@check
def negotiate_helper_of_gssapi(world):
    """Both ends: bindings that fit, that do not, and none; signatures."""
    fits, other = end_point(b"a").hex(), end_point(b"b").hex()
    for sent, expected, bound in ((fits, fits, "true"), ("-", fits, "false"), (fits, "-", "false"), (fits, other, None)):
        with (
            Helper(world, f"initiate HTTP/localhost {sent}") as client,
            Helper(world, f"accept {expected}") as acceptor,
        ):
            token = client.ask("step -")
            assert token[0] == "continue", token
            answer = acceptor.ask(f"step {token[1]}")
            if bound is None:
                assert answer[0] == "error" and "binding" in " ".join(answer), answer
                continue
            assert answer[0] == "complete" and answer[2:] == [bound, "28", "0", "alice@MAIL.TEST"], answer
            assert client.ask(f"step {answer[1]}")[:2] == ["complete", "-"], "mutual authentication"
            signature = client.ask("sign 616263")[1]
            assert len(signature) == 2 * 28
            assert acceptor.ask(f"verify 616263 {signature}") == ["ok"]
            assert acceptor.ask(f"verify 616264 {signature}")[0] == "error"
            assert client.ask("seal +616263")[0] == "error", "sealing is for the DCE style"


@check
def negotiate_helper_of_gssapi_in_the_dce_style(world):
    """Both ends as DCE/RPC has them: three tokens without the GSS header; messages signed, and sealed in their middle."""
    with Helper(world, "initiate-dce exchangeMDB/mbx1 -") as client, Helper(world, "accept-dce -") as acceptor:
        first = client.ask("step -")
        assert first[0] == "continue" and first[1].startswith("6e"), "AP-REQ as it is"
        second = acceptor.ask(f"step {first[1]}")
        assert second[0] == "continue" and second[1].startswith("6f"), "AP-REP as it is"
        third = client.ask(f"step {second[1]}")
        assert third[0] == "complete" and third[1].startswith("6f"), "another AP-REP"
        done = acceptor.ask(f"step {third[1]}")
        assert done[:3] == ["complete", "-", "false"] and done[5] == "alice@MAIL.TEST", done
        signed, sealed = int(done[3]), int(done[4])
        assert third[3:5] == done[3:5] and sealed > signed == 28, (third, done)
        for one, other in ((client, acceptor), (acceptor, client)):
            for data in ("-", "61", "62" * 5000):
                signature = one.ask(f"sign {data}")[1]
                assert len(signature) == 2 * signed
                assert other.ask(f"verify {data} {signature}") == ["ok"]
                word, signature, hidden = one.ask(f"seal =0500 +{data} =0a06")
                assert word == "sealed" and len(signature) == 2 * sealed and (data == "-" or hidden != data)
                assert other.ask(f"unseal {signature} =0500 +{hidden} =0a06") == ["unsealed", data]
        # What is only signed counts, too; and a signature is good once.
        _, signature, hidden = client.ask("seal =0500 +6162 =0a06")
        assert acceptor.ask(f"unseal {signature} =0501 +{hidden} =0a06")[0] == "error"
        assert acceptor.ask(f"unseal {signature} =0500 +{hidden} =0a06") == ["unsealed", "6162"]
        assert acceptor.ask(f"unseal {signature} =0500 +{hidden} =0a06")[0] == "error"
