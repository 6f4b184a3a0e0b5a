"""A small MAPI/HTTP client over `requests`, written from [MS-OXCMAPIHTTP] alone: it shares no code with what it tests."""

import struct
import uuid

CONNECT_FLAGS = 0
CODE_PAGE = 1252
LCID = 0x0409


def user_dn(local_part):
    return f"/o=oxwire/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn={local_part}"


def connect_body(dn):
    """2.2.4.1.1: UserDn, Flags, DefaultCodePage, LcidSort, LcidString, AuxiliaryBufferSize."""
    return dn.encode("ascii") + b"\0" + struct.pack("<5I", CONNECT_FLAGS, CODE_PAGE, LCID, LCID, 0)


def headers(request_type, counter, instance):
    """2.2.2.1 and 2.2.3: what every request carries."""
    return {
        "Content-Type": "application/mapi-http",
        "X-RequestType": request_type,
        "X-RequestId": f"{{{instance}}}:{counter}",
        "X-ClientInfo": f"{{{instance}}}:1",
        "X-ClientApplication": "Outlook/15.0.4815.1002",
    }


class Answer:
    """2.2.2.2 and 2.2.7: meta-tags, additional headers, a blank line, the body. What follows DONE overrides the head."""

    def __init__(self, status, head, content):
        self.status = status
        self.head = head
        self.code = None
        self.tags = []
        self.body = b""
        if "X-ResponseCode" in head:
            self.code = int(head["X-ResponseCode"])
        if self.code != 0 or not content:
            self.body = content
            return
        rest = content
        while True:
            line, found, rest = rest.partition(b"\r\n")
            assert found, f"the stream ends inside its meta-tags: {content!r}"
            if line in (b"PROCESSING", b"PENDING"):
                self.tags.append(line.decode())
                continue
            assert line == b"DONE", f"expected a meta-tag, found {line!r}"
            self.tags.append("DONE")
            break
        while True:
            line, found, rest = rest.partition(b"\r\n")
            assert found, "the additional headers have no end"
            if not line:
                break
            name, _, value = line.partition(b":")
            if name.lower() == b"x-responsecode":
                self.code = int(value)
        self.body = rest

    def connected(self):
        """2.2.4.1.2: the fields of a Connect success response, all bytes accounted for."""
        status, error, polls, retries, delay = struct.unpack_from("<5I", self.body)
        prefix, _, rest = self.body[20:].partition(b"\0")
        at = 0
        while rest[at : at + 2] != b"\0\0":
            at += 2
            assert at < len(rest), "DisplayName has no end"
        name = rest[:at].decode("utf-16-le")
        (aux_size,) = struct.unpack_from("<I", rest, at + 2)
        assert len(rest) == at + 6 + aux_size, "bytes after the AuxiliaryBuffer, or too few"
        return {"status": status, "error": error, "prefix": prefix.decode("ascii"), "name": name}


class Client:
    """One Session Context over one `requests.Session`, which keeps the cookies."""

    def __init__(self, session, url):
        self.session = session
        self.url = url
        self.instance = str(uuid.uuid4()).upper()
        self.counter = 0

    def send(self, request_type, body=b""):
        self.counter += 1
        answer = self.session.post(
            self.url, data=body, headers=headers(request_type, self.counter, self.instance), timeout=60
        )
        return Answer(answer.status_code, answer.headers, answer.content)

    def whole_session(self, local_part):
        """Connect, PING, Disconnect, and a PING in the context that is no more."""
        answer = self.send("Connect", connect_body(user_dn(local_part)))
        if answer.status != 200:
            return answer
        assert answer.code == 0, f"Connect: X-ResponseCode {answer.code}: {answer.body[:200]!r}"
        connected = answer.connected()
        assert (connected["status"], connected["error"]) == (0, 0), connected
        ping = self.send("PING")
        assert (ping.status, ping.code, ping.body) == (200, 0, b""), (ping.status, ping.code, ping.body)
        gone = self.send("Disconnect", struct.pack("<I", 0))
        assert (gone.status, gone.code) == (200, 0), (gone.status, gone.code)
        assert gone.body[:8] == bytes(8), gone.body
        late = self.send("Disconnect", struct.pack("<I", 0))
        assert (late.status, late.code) in {(200, 6), (200, 10), (200, 13)}, (late.status, late.code)
        return answer
