"""An authenticating reverse proxy whose NTLM or Negotiate is somebody else's: pyspnego's, MIT's, or samba's ntlm_auth.

It authenticates the connection, as IIS does, and passes what follows to a server behind it with Basic. What tells whether our
client's NTLM is right is the acceptor's verdict.
"""

import base64
import hashlib
import http.client
import http.server
import os
import ssl
import subprocess
import sys
import tempfile
import threading

import spnego
from spnego.channel_bindings import GssChannelBindings

from peers import Server

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "authorization", "host"}


class Refused(Exception):
    """The acceptor said no."""


class PyspnegoAcceptor:
    """pyspnego's NTLM acceptor; `binding` is the DER of the certificate that the client must have seen, or None."""

    def __init__(self, domain, user, password, binding=None):
        file = tempfile.NamedTemporaryFile("w", delete=False)
        file.write(f"{domain}:{user}:{password}\n")
        file.close()
        os.environ["NTLM_USER_FILE"] = file.name
        bound = None
        if binding:
            bound = GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(binding).digest())
        self.context = spnego.server(protocol="ntlm", channel_bindings=bound)
        self.hash = hashlib.md5(bound.pack()).digest() if bound else b""

    def step(self, token):
        # pyspnego takes a binding of zeros for any; Exchange with Extended Protection required does not.
        if token[8] == 3 and self.hash not in token and bytes(16) in token:
            raise Refused("no channel binding")
        try:
            answer = self.context.step(token)
        except spnego.exceptions.SpnegoError as error:
            raise Refused(str(error)) from error
        return answer, self.context.client_principal if self.context.complete else None


class PyspnegoNegotiateAcceptor(PyspnegoAcceptor):
    """pyspnego's SPNEGO, with its NTLM inside."""

    def __init__(self, domain, user, password, binding):
        super().__init__(domain, user, password, binding)
        bound = GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(binding).digest())
        self.context = spnego.server(
            protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate, channel_bindings=bound
        )

    def step(self, token):
        if b"NTLMSSP\0\3" in token and self.hash not in token:
            raise Refused("no channel binding, or another's")
        try:
            answer = self.context.step(token)
        except spnego.exceptions.SpnegoError as error:
            raise Refused(str(error)) from error
        return answer, self.context.client_principal if self.context.complete else None


class NtlmAuth:
    """samba's ntlm_auth, which knows one password; no domain controller and no winbindd."""

    def __init__(self, protocol, user, password):
        self.process = subprocess.Popen(
            ["ntlm_auth", f"--helper-protocol={protocol}", f"--username={user}", f"--password={password}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.verb = "YR"

    def answer(self, token):
        """A verb, and what stands behind it. With any verb but `TT` it has come to its end."""
        self.process.stdin.write(f"{self.verb} {base64.b64encode(token).decode()}\n")
        self.process.stdin.flush()
        self.verb = "KK"
        answer, _, rest = self.process.stdout.readline().strip().partition(" ")
        if answer != "TT":
            self.process.stdin.close()
            self.process.wait()
        if answer not in ("TT", "AF"):
            raise Refused(f"{answer} {rest}")
        return answer, rest


class SambaAcceptor(NtlmAuth):
    """NTLM."""

    def __init__(self, user, password):
        super().__init__("squid-2.5-ntlmssp", user, password)

    def step(self, token):
        answer, rest = self.answer(token)
        return (base64.b64decode(rest), None) if answer == "TT" else (None, rest)


class SambaNegotiateAcceptor(NtlmAuth):
    """Its SPNEGO, NTLM inside."""

    def __init__(self, user, password):
        super().__init__("gss-spnego", user, password)

    def step(self, token):
        # "TT token *", "AF token user", "NA token reason", "BH reason".
        answer, rest = self.answer(token)
        token, _, user = rest.partition(" ")
        token = None if token == "*" else base64.b64decode(token)
        return token, user if answer == "AF" else None


class Gateway:
    """In front of our server, with TLS. `acceptor` makes one acceptor for each connection. `verdicts` tells what they said."""

    def __init__(self, world, acceptor, scheme="NTLM"):
        self.verdicts = []
        host, port = "127.0.0.1", world.plain.port
        authorization = "Basic " + base64.b64encode(":".join(Server.USERS[0]).encode()).decode()
        verdicts = self.verdicts

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                self.acceptor = None
                self.principal = None
                self.last_token = None
                self.backend = http.client.HTTPConnection(host, port, timeout=400)

            def finish(self):
                super().finish()
                self.backend.close()

            def log_message(self, *_):
                pass

            def unauthorized(self, token=None):
                value = scheme + (" " + base64.b64encode(token).decode() if token else "")
                self.send_response(401)
                self.send_header("WWW-Authenticate", value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                name, _, token = self.headers.get("Authorization", "").partition(" ")
                if name == scheme and token:
                    token = base64.b64decode(token)
                    # A NEGOTIATE_MESSAGE, or a token behind a GSS header.
                    if token[8:9] == b"\1" if scheme == "NTLM" else token[:1] == b"\x60":
                        self.acceptor, self.principal = acceptor(), None
                    try:
                        answer, self.principal = self.acceptor.step(token)
                    except Refused as refusal:
                        verdicts.append(f"refused: {refusal}")
                        return self.unauthorized()
                    if answer and not self.principal:
                        return self.unauthorized(answer)
                    self.last_token = answer
                    verdicts.append(f"accepted: {self.principal}")
                if not self.principal:
                    return self.unauthorized()
                return self.forward(body)

            def forward(self, body):
                fields = [(n, v) for n, v in self.headers.items() if n.lower() not in HOP_BY_HOP]
                self.backend.putrequest("POST", self.path)
                for name, value in [*fields, ("Authorization", authorization), ("Content-Length", str(len(body)))]:
                    self.backend.putheader(name, value)
                self.backend.endheaders(body)
                answer = self.backend.getresponse()
                self.send_response(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP | {"date", "server"}:
                        self.send_header(name, value)
                if self.last_token:
                    value = f"{scheme} {base64.b64encode(self.last_token).decode()}"
                    self.last_token = None
                    self.send_header("WWW-Authenticate", value)
                    self.send_header("Persistent-Auth", "true")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                while piece := answer.read1(65536):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                # The probe cuts connections on purpose.
                if not isinstance(sys.exception(), OSError):
                    super().handle_error(request, client_address)

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*world.server_identity)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
