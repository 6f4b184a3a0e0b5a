"""FreeRDP's client of RPC over HTTP: a terminal services client, whose gateway asks for port 3388 and an interface that a mail server
does not have. It sets up the channels over TLS, bound by NTLM, authenticates inside RPC, and is told so in RPC's words.

Behind our endpoint in another program (`rpc_proxy`) it finds the interface that it asks for, and follows an OUT channel that is recycled."""

import os
import subprocess
import time
from contextlib import ExitStack

from peers import Haproxy, Process, Screen, Server, TerminalServer
from tsgateway import AUTHORIZE_TUNNEL, CREATE_CHANNEL, CREATE_TUNNEL, MAKE_TUNNEL_CALL, SETUP_RECEIVE_PIPE, Gateway
from world import check


def client(port, password, *options):
    """The client, through the gateway at that port."""
    gateway = [f"/g:127.0.0.1:{port}", "/gt:rpc", "/gu:alice", f"/gp:{password}", "/gd:MAIL"]
    return ["stdbuf", "-oL", "xfreerdp", "/u:b", "/p:x", "/cert:ignore", "/log-level:DEBUG", *gateway, *options]


def freerdp(world, name, *options, password="secret"):
    """The client against a server of its own: the logs of both."""
    home = world.directory / name
    home.mkdir()
    cert, key = world.server_identity
    with Server(world.oxprobe, home, "--cert", cert, "--key", key, "--epa", "require", *options) as server:
        done = subprocess.run(
            ["xvfb-run", "-a", *client(server.port, password, "/v:t")],
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


#: What the client says of a recycling ([MS-RPCH] 3.2.2.5.6 to 3.2.2.5.10), in this order, and what comes after it.
RECYCLING = (
    "Receiving OUT R1/A2 RTS PDU",
    "Sending OUT_R1/A3 RTS PDU",
    "Receiving OUT R2/A6 RTS PDU",
    "Sending OUT_R2/C1 RTS PDU",
    "Sending OUT_R2/A7 RTS PDU",
    "Receiving OUT R2/B3 RTS PDU",
    "CLIENT_OUT_CHANNEL_STATE_RECYCLED",
    "CLIENT_OUT_CHANNEL_STATE_OPENED",
    "VIRTUAL_CONNECTION_STATE_WAIT_A3W",
    "Unknown RTS Command Type: 0x",
)


@check
def freerdp_follows_an_out_channel_that_is_recycled(world):
    """A picture of more than a megabyte, through OUT channels of 128 KiB. The client goes through every step of the recycling and takes the
    successor for its OUT channel; then it trips over itself: it leaves the last PDU of the predecessor, OUT_R2/B3, in its buffer, and
    reads the first four bytes of the successor, 05 00 02 00 where that is a response, as the command of that."""
    home = world.directory / "freerdp-recycling"
    (home / "client").mkdir(parents=True)
    bundle = home / "bundle.pem"
    bundle.write_text("".join(part.read_text() for part in world.server_identity))
    with ExitStack() as stack:
        enter = stack.enter_context
        screen = enter(Screen(home))
        terminal = enter(TerminalServer(home, screen.display))
        gateway = enter(Gateway(terminal.port, "secret"))
        command = [os.environ["OXWIRE_RPC_PROXY"], "127.0.0.1:0", f"127.0.0.1:{gateway.port}", "alice", "secret", "131072"]
        proxy = enter(Process(command, home / "proxy.log"))
        plain = int(proxy.first_line().rpartition(":")[2])
        tls = enter(Haproxy(home, {"gateway": (f"ssl crt {bundle}", "", plain, "")}, mode="tcp"))
        command = client(tls.ports["gateway"], "secret", f"/v:127.0.0.1:{terminal.port}", "/sec:tls")
        environment = {**os.environ, "HOME": str(home), "DISPLAY": enter(Screen(home / "client")).display}
        process = enter(Process(command, home / "client.log", environment, talks=False))
        until = time.monotonic() + 180
        while process.child.poll() is None and time.monotonic() < until:
            screen.shows_noise()
            time.sleep(0.2)
        ours, theirs = proxy.log.read_text(), process.log.read_text()
    assert not gateway.failure, repr(gateway.failure)
    assert gateway.calls[:5] == [CREATE_TUNNEL, AUTHORIZE_TUNNEL, MAKE_TUNNEL_CALL, CREATE_CHANNEL, SETUP_RECEIVE_PIPE]
    assert gateway.relayed > 100_000, gateway.relayed
    follow(theirs, "TSG_STATE_PIPE_CREATED", "CONNECTION_STATE_ACTIVE", *RECYCLING)
    follow(ours, "virtual connection 1: open", "a successor channel", "OUT channel recycled", "channel is gone", "PDUs in doubt")
