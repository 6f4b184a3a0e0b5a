"""tshark reads what we write."""

import os
import pathlib
import subprocess

import tshark
from world import check

VECTORS = pathlib.Path(__file__).parent.parent / "vectors" / "ms-rpch"
NAMES = {
    "echo": "Echo",
    "flow_control_ack": "FlowControlAck",
    "flow_control_ack_with_destination": "FlowControlAckWithDestination",
    "keep_alive": "Keep-Alive",
    "ping": "Ping",
    "ping_traffic_sent_notify": "PingTrafficSentNotify",
}


def name_of(stem):
    """`out_r2_c1_padding` is OUT_R2/C1, `conn_a1_capture` CONN/A1."""
    for suffix in ("_capture", "_padding", "_ipv6"):
        stem = stem.removesuffix(suffix)
    if stem in NAMES:
        return NAMES[stem]
    sequence, _, pdu = stem.rpartition("_")
    return f"{sequence}/{pdu}".upper()


@check
def tshark_names_every_rts_vector_as_we_do(world):
    files = sorted(VECTORS.glob("*.hex"))
    names = [name_of(path.stem) for path in files]
    assert len(set(names)) == 50, f"{len(set(names))} names: {sorted(set(names))}"
    infos = tshark.infos(world.directory, [tshark.vector(path) for path in files])
    wrong = [f"{path.name}: {info!r}" for path, name, info in zip(files, names, infos) if not tshark.agrees(name, info)]
    assert not wrong, "\n".join(wrong)


@check
def tshark_names_the_rts_pdus_of_simulated_streams_as_we_do(world):
    """Client, two inbound proxies, two outbound proxies, server, and the endpoint: what they send each other, under what name."""
    done = subprocess.run([os.environ["OXWIRE_SIMULATION"], "--dump"], check=True, capture_output=True, text=True)
    names, pdus, hops = [], [], []
    for line in done.stdout.splitlines():
        if line.startswith("# "):
            hop, _, name = line[2:].split(" ", 2)
            # tshark writes PingTrafficSentNotify.
            names.append(name.replace(" ", "").split("|"))
            hops.append(hop)
            pdus.append(bytearray())
        else:
            pdus[-1] += bytes.fromhex(line[6:])
    infos = tshark.infos(world.directory, pdus)
    seen, wrong = set(), []
    for hop, ours, info in zip(hops, names, infos):
        if ours == ["-"]:
            agrees = "RPCH" not in info and "Request" in info
        else:
            agrees = any(tshark.agrees(name, info) for name in ours)
            # Of a name that bytes and place leave open, tshark's list says no more.
            seen.update(ours if len(ours) == 1 else [])
        if not agrees:
            wrong.append(f"{hop} {'|'.join(ours)}: {info!r}")
    assert not wrong, f"{len(wrong)} of {len(infos)}:\n" + "\n".join(sorted(set(wrong))[:40])
    # OUT_R1/A1 and A2 are OUT_R2/A1 and A2 until the client has chosen a proxy.
    assert len(seen) == 46, f"{len(seen)} names: {sorted(seen)}"
    ways = ["ClientIn", "ClientOut", "InClient", "InServer", "OutClient", "OutServer", "ServerIn", "ServerOut"]
    assert sorted(set(hops)) == ways, sorted(set(hops))
