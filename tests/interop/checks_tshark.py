"""tshark reads what we write."""

import pathlib

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
