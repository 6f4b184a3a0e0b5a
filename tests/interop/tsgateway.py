"""A terminal services gateway ([MS-TSGU] 3.2) behind an RPC proxy, as little of it as FreeRDP's client asks for: DCE/RPC over TCP, signed
by impacket's NTLM, each call's stub put together by hand. What the tunnel carries goes to a terminal server and back."""

import os
import socket
import struct
import threading
import uuid

from Cryptodome.Cipher import ARC4
from impacket import ntlm

BIND, BIND_ACK, AUTH3, REQUEST, RESPONSE = 11, 12, 16, 0, 2
FIRST, LAST = 1, 2
NTLM, PKT_INTEGRITY = 10, 5
NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le + struct.pack("<L", 2)
CREATE_TUNNEL, AUTHORIZE_TUNNEL, MAKE_TUNNEL_CALL, CREATE_CHANNEL, CLOSE_CHANNEL, CLOSE_TUNNEL = 1, 2, 3, 4, 6, 7
SETUP_RECEIVE_PIPE, SEND_TO_SERVER = 8, 9
HANDLE = struct.pack("<L", 0) + bytes(range(16))


class Ntlm:
    """An acceptor ([MS-NLMP] 3.2), which keeps the client's bytes as they are: pyspnego's takes no response that it would not have written
    alike itself, and impacket has none."""

    def __init__(self, password):
        self.password, self.nonce = password, os.urandom(8)
        self.client = self.server = None

    def challenge(self, negotiate):
        asked = struct.unpack_from("<L", negotiate, 12)[0]
        version = ntlm.NTLMSSP_NEGOTIATE_VERSION
        self.flags = asked & 0xE2088235 | ntlm.NTLMSSP_NEGOTIATE_TARGET_INFO | ntlm.NTLMSSP_TARGET_TYPE_SERVER | version
        name = "GATEWAY".encode("utf-16le")
        names = ntlm.AV_PAIRS()
        for kind in (ntlm.NTLMSSP_AV_DOMAINNAME, ntlm.NTLMSSP_AV_HOSTNAME):
            names[kind] = name
        made = ntlm.NTLMAuthChallenge()
        made["flags"], made["challenge"], made["Version"] = self.flags, self.nonce, bytes(7) + b"\x0f"
        made["domain_name"], made["domain_offset"] = name, 56
        made["TargetInfoFields"], made["TargetInfoFields_offset"] = names.getData(), 56 + len(name)
        return made.getData()

    def authenticate(self, token):
        said = ntlm.NTLMAuthChallengeResponse()
        said.fromString(token)
        user, domain = (said[name].decode("utf-16le") for name in ("user_name", "domain_name"))
        key = ntlm.NTOWFv2(user, self.password, domain)
        proof, rest = said["ntlm"][:16], said["ntlm"][16:]
        assert ntlm.hmac_md5(key, self.nonce + rest) == proof, f"{domain}\\{user} has another password"
        key = ARC4.new(ntlm.hmac_md5(key, proof)).encrypt(said["session_key"])
        self.client, self.server = (self.side(key, mode) for mode in ("Client", "Server"))

    def side(self, key, mode):
        return ntlm.SIGNKEY(self.flags, key, mode), ARC4.new(ntlm.SEALKEY(self.flags, key, mode)).encrypt, iter(range(1 << 31))

    def signature(self, side, message):
        """The next one of a side."""
        key, cipher, numbers = side
        return ntlm.MAC(self.flags, cipher, key, next(numbers), message).getData()


class Gateway:
    """Listens on a port of its own while the block lasts, for users of that password."""

    def __init__(self, terminal_server, password):
        self.terminal_server, self.password = terminal_server, password
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        #: Operations that were called, and bytes of the terminal server that were sent on.
        self.calls, self.relayed, self.failure = [], 0, None

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with client:
                Association(self, client).serve()
        except OSError:
            pass  # The client has gone.
        except Exception as error:
            self.failure = error


class Association:
    def __init__(self, gateway, client):
        self.gateway, self.client = gateway, client
        self.ntlm = Ntlm(gateway.password)
        self.lock = threading.Lock()
        self.target = None

    def receive(self, count):
        data = b""
        while len(data) < count:
            data += self.client.recv(count - len(data)) or self.ended()
        return data

    def ended(self):
        raise EOFError

    def send(self, kind, call, body, flags=FIRST | LAST, token=None):
        """One PDU: signed, where there is no token of NTLM's to carry."""
        with self.lock:
            pad = -len(body) % 4
            length = 16 + len(body) + pad + 8 + (16 if token is None else len(token))
            pdu = struct.pack("<BBBB4sHHL", 5, 0, kind, flags, b"\x10\0\0\0", length, length - 24 - len(body) - pad, call)
            pdu += body + bytes(pad) + struct.pack("<BBBBL", NTLM, PKT_INTEGRITY, pad, 0, 0)
            self.client.sendall(pdu + (self.ntlm.signature(self.ntlm.server, pdu) if token is None else token))

    def serve(self):
        while True:
            try:
                head = self.receive(16)
            except EOFError:
                return
            _, _, kind, _, _, length, auth_length, call = struct.unpack("<BBBB4sHHL", head)
            pdu = head + self.receive(length - 16)
            token = pdu[length - auth_length :]
            if kind == BIND:
                self.bind(call, pdu, token)
            elif kind == AUTH3:
                self.ntlm.authenticate(token)
            else:
                assert kind == REQUEST, f"PDU type {kind}"
                assert token == self.ntlm.signature(self.ntlm.client, pdu[:-auth_length]), "the signature of a request"
                pad = pdu[length - auth_length - 6]
                self.request(call, struct.unpack_from("<H", pdu, 22)[0], pdu[24 : length - auth_length - 8 - pad])

    def bind(self, call, pdu, token):
        # The gateway's interface is the first context; bind-time feature negotiation, where it comes, gets none of its features.
        results = [struct.pack("<HH", 0, 0) + NDR] + [struct.pack("<HH", 3, 0) + bytes(20)] * (pdu[24] - 1)
        body = pdu[16:20] + struct.pack("<LH", 1, 5) + b"3388\0" + b"\0" + struct.pack("<L", len(results)) + b"".join(results)
        self.send(BIND_ACK, call, body, token=self.ntlm.challenge(token))

    def answer(self, call, stub, flags=FIRST | LAST):
        self.send(RESPONSE, call, struct.pack("<LHBB", len(stub), 0, 0, 0) + stub, flags)

    def request(self, call, opnum, stub):
        self.gateway.calls.append(opnum)
        words = lambda *numbers: struct.pack(f"<{len(numbers)}L", *numbers)
        if opnum == CREATE_TUNNEL:
            # TSG_PACKET_QUARENC_RESPONSE without certificates; TSG_PACKET_VERSIONCAPS 1.1 with one capability.
            answer = words(0x20000, 0x4552, 0x4552, 0x20004, 0, 0, 0) + bytes(16) + words(0x20008)
            answer += struct.pack("<HHLLHHHH", 0x5452, 0x5643, 0x2000C, 1, 1, 1, 0, 0) + words(1, 1, 1, 2)
            self.answer(call, answer + HANDLE + words(1, 0))
        elif opnum == AUTHORIZE_TUNNEL:
            # TSG_PACKET_RESPONSE: every redirection as the client wants it, no idle timeout.
            self.answer(call, words(0x20000, 0x5052, 0x5052, 0x20004, 0x5152, 0, 0x20008, 4, *[0] * 8, 4, 0, 0))
        elif opnum == CREATE_CHANNEL:
            self.target = socket.create_connection(("127.0.0.1", self.gateway.terminal_server))
            self.answer(call, HANDLE + words(1, 0))
        elif opnum == SETUP_RECEIVE_PIPE:
            threading.Thread(target=self.pipe, args=(call,), daemon=True).start()
        elif opnum == SEND_TO_SERVER:
            count = struct.unpack_from(">L", stub, 24)[0]
            self.target.sendall(stub[28 + 4 * count :])
            self.answer(call, words(0))
        elif opnum in (CLOSE_CHANNEL, CLOSE_TUNNEL):
            self.answer(call, bytes(20) + words(0))
        else:
            # A call for messages waits for one, and there is none.
            assert opnum == MAKE_TUNNEL_CALL, f"operation {opnum}"

    def pipe(self, call):
        """Answers a call with what the terminal server says, fragment by fragment for as long as it does; the client takes 4,088 bytes each."""
        flags = FIRST
        try:
            while data := self.target.recv(4000):
                self.answer(call, data, flags)
                self.gateway.relayed += len(data)
                flags = 0
        except OSError:
            pass
