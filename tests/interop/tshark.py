"""tshark as an independent reader of PDUs: what it calls each, and what it finds wrong with it."""

import subprocess

# What 4.0.17 gets wrong (its RTS dissector has no case for an RTS PDU without commands, and looks for ANCE where OUT_R2/B2 has
# NegativeANCE, [MS-RPCH] 2.2.4.43).
KNOWN_SLIPS = {
    "Echo": "Malformed Packet",
    "Ping": "Malformed Packet",
    "OUT_R2/B2": "unknown RTS PDU",
}


def vector(path):
    """The bytes of an annotated hex file."""
    return b"".join(bytes.fromhex(line.split("#")[0]) for line in path.read_text().splitlines())


def infos(directory, pdus):
    """The Info column for each PDU, each in a segment of its own. Empty where tshark takes several segments for one PDU."""
    dump, capture = directory / "pdus.txt", directory / "pdus.pcap"
    with dump.open("w") as out:
        for pdu in pdus:
            for at in range(0, len(pdu), 16):
                out.write(f"{at:06x} {pdu[at : at + 16].hex(' ')}\n")
            out.write(f"{len(pdu):06x}\n")
    subprocess.run(["text2pcap", "-q", "-T", "40000,593", dump, capture], check=True, capture_output=True)
    # A heuristic of another dissector would take some segments.
    command = ["tshark", "-r", capture, "-d", "tcp.port==593,dcerpc", "-T", "fields", "-e", "_ws.col.Info"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(pdus), f"{len(pdus)} PDUs, {len(lines)} lines of tshark"
    return lines


def agrees(name, info):
    """Whether tshark's names have ours among them, its known slips taken for agreement."""
    slip = KNOWN_SLIPS.get(name)
    if slip:
        return slip in info
    return name in [one.strip() for one in info.split(",")] and "Malformed" not in info
