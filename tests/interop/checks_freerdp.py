"""FreeRDP's client of RPC over HTTP: a terminal services client, whose gateway asks for port 3388 and an interface that a mail server
does not have. It sets up the channels over TLS, bound by NTLM, authenticates inside RPC, and is told so in RPC's words."""

import os
import subprocess

from peers import Server
from world import check


def freerdp(world, name, *options, password="secret"):
    """The client against a server of its own: the logs of both."""
    home = world.directory / name
    home.mkdir()
    cert, key = world.server_identity
    with Server(world.oxprobe, home, "--cert", cert, "--key", key, "--epa", "require", *options) as server:
        done = subprocess.run(
            ["xvfb-run", "-a", "xfreerdp", "/v:t", f"/g:127.0.0.1:{server.port}", "/gt:rpc", "/gu:alice", f"/gp:{password}"]
            + ["/gd:MAIL", "/u:b", "/p:x", "/cert:ignore", "/log-level:DEBUG"],
            env={**os.environ, "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=60,
        )
        assert done.returncode != 0, "there is no terminal server"
    return server.log.read_text(), done.stdout


def follow(log, *steps):
    """Each step stands in the log, behind the one before."""
    at = 0
    for step in steps:
        found = log.find(step, at)
        assert found >= 0, f"no {step!r} in\n{log[at:][-3000:]}"
        at = found + len(step)


@check
def freerdp_sets_up_channels_bound_by_ntlm(world):
    ours, theirs = freerdp(world, "freerdp-set-up", "--rpc-port", "3388")
    for channel in ("IN", "OUT"):
        follow(ours, "authenticated by NTLM, binding tls-server-end-point", f"{channel} channel to localhost:3388 opened")
    follow(
        ours,
        "virtual connection 1 is open",
        "bound to no interface that is here",
        "MAIL\\alice authenticated inside RPC, pkt_integrity",
    )
    follow(
        theirs,
        "Receiving CONN/A3 RTS PDU",
        "Receiving CONN/C2 RTS PDU",
        "Receiving BindAck PDU",
        "RPC_CLIENT_STATE_CONTEXT_NEGOTIATED",
        "Reading PDU type PTYPE_FAULT",
    )


@check
def freerdp_is_refused_at_a_port_that_is_not_offered(world):
    ours, theirs = freerdp(world, "freerdp-port")
    assert "channel to localhost:3388 refused: no such port" in ours, ours
    assert "VIRTUAL_CONNECTION_STATE_OPENED" not in theirs, theirs[-2000:]


@check
def freerdp_with_a_wrong_password_is_refused(world):
    ours, _ = freerdp(world, "freerdp-password", "--rpc-port", "3388", password="wrong")
    assert "MAIL\\alice refused: NTLM" in ours and "channel to" not in ours, ours
