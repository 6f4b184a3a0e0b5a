"""curl at the RPC proxy of `oxprobe serve`: the heads of RPC over HTTP, in which statuses and reason phrases are read by clients."""

import tshark
from checks_tshark import VECTORS
from world import check, curl, last_answer

ALICE = ("-u", "alice@mail.test:secret")
ECHO = bytes.fromhex("0500140310000000140000000000000040000000")  # [MS-RPCH] 2.2.4.48
CURL_TIMED_OUT = 28


def ask(world, method, body, *options, path="/rpc/rpcproxy.dll", port=6001, **more):
    sent = world.directory / "rpc.body"
    sent.write_bytes(body)
    url = f"http://127.0.0.1:{world.plain.port}{path}?mbx1:{port}"
    # A media type is nothing that a channel request has.
    named = ("-X", method, "-H", "Content-Type:", "-H", "Accept: application/rpc", "--data-binary", f"@{sent}")
    line, fields, content = last_answer(curl(url, *named, *options, **more))
    return line, dict(fields), content


@check
def curl_rpch_echo_in_both_methods(world):
    """The Remote Connectivity Analyzer's four bytes, and none; by each scheme and at each path."""
    for method in ("RPC_IN_DATA", "RPC_OUT_DATA"):
        for scheme in ("--basic", "--ntlm"):
            for path in ("/rpc/rpcproxy.dll", "/RPC/RpcProxy.dll", "/rpcwithcert/rpcproxy.dll"):
                for body in (bytes.fromhex("f8e81808"), b""):
                    line, fields, content = ask(world, method, body, scheme, *ALICE, path=path)
                    assert (line, content) == ("HTTP/1.1 200 Success", ECHO), (method, scheme, path, line, content)
                    assert fields["Content-Type"] == "application/rpc" and fields["Content-Length"] == "20", fields


@check
def curl_rpch_without_credentials_is_told_the_schemes(world):
    for method in ("RPC_IN_DATA", "RPC_OUT_DATA"):
        line, fields, content = ask(world, method, b"")
        assert line.startswith("HTTP/1.1 401 ") and "WWW-Authenticate" in fields and not content, (line, fields)


@check
def curl_rpch_out_channel_response(world):
    """It stays open, and CONN/A3 is its first PDU ([MS-RPCH] 2.1.2.1.4, 3.2.4.5.3); then nothing comes, for there is no IN channel."""
    a1 = tshark.vector(VECTORS / "conn_a1.hex")
    line, fields, content = ask(world, "RPC_OUT_DATA", a1, "--basic", *ALICE, ends=CURL_TIMED_OUT, seconds=2)
    assert line == "HTTP/1.1 200 Success" and fields["Content-Type"] == "application/rpc", (line, fields)
    assert fields["Content-Length"] == str(1 << 30), fields
    (info,) = tshark.infos(world.directory, [content])
    assert tshark.agrees("CONN/A3", info), (content, info)


@check
def curl_rpch_errors_stand_in_the_reason_phrase(world):
    """2.1.2.1.3: RPC_S_PROTOCOL_ERROR for a length that no channel has, RPC_S_SERVER_UNAVAILABLE for a port that is not offered."""
    a1 = tshark.vector(VECTORS / "conn_a1.hex")
    for method, body, port, code in (
        ("RPC_IN_DATA", bytes(17), 6001, "6c0"),
        ("RPC_OUT_DATA", bytes(17), 6001, "6c0"),
        ("RPC_OUT_DATA", a1 + b"\0", 6001, "6c0"),
        ("GET", b"", 6001, "6c0"),
        ("RPC_OUT_DATA", a1, 7000, "6ba"),
    ):
        line, _, _ = ask(world, method, body, "--basic", *ALICE, port=port)
        assert line == f"HTTP/1.0 503 RPC Error: {code}", (method, len(body), port, line)
