"""impacket and the lifetime of OUT channels: it knows no recycling. What fits into one goes through; where the server asks for another it
raises an exception, and the server goes on with what is left of the channel, and with everybody else."""

from peers import Server, proxy_url, script
from world import check, checks

#: NspiQueryRows for an Explicit Table: alice's and bob's distinguished names, twice a row, 1,350 times each.
LARGE_REPLY = """
import sys
from impacket.dcerpc.v5 import nspi
from impacket_client import connect
EMAIL_ADDRESS, ROWS = 0x3003001F, 2700
association = connect(sys.argv[1], nspi.MSRPC_UUID_NSPI, int(sys.argv[2]), port=6004)
handle = nspi.hNspiBind(association)["contextHandle"]
receive, replies = association.recv, []
def recv():
    replies.append(receive())
    return replies[-1]
association.recv = recv
answer = nspi.hNspiQueryRows(association, handle, Count=ROWS, pPropTags=[EMAIL_ADDRESS] * 2, lpETable=[16, 17] * (ROWS // 2))
rows = [[value["Value"]["lpszW"] for value in row["lpProps"]] for row in answer["ppRows"]["aRow"]]
print(len(replies), len(replies[0]))
print(len(rows), *{len(set(row)) == 1 and row[0].rstrip("\\0") for row in rows[::2]}, *{row[1].rstrip("\\0") for row in rows[1::2]})
"""

RECYCLED = """
import sys
from impacket.dcerpc.v5 import mgmt
from impacket.dcerpc.v5.rpch import RPCProxyClientException
from impacket_client import connect
INTERFACE = mgmt.MSRPC_UUID_MGMT
def calls(association, most):
    for made in range(most):
        try:
            mgmt.hinq_if_ids(association)
        except RPCProxyClientException as error:
            print(made, error)
            # The answer to that call stands behind the PDU that is not understood.
            association.recv()
            return
    print(most, "calls")
level = int(sys.argv[2])
idle, one = connect(sys.argv[1], INTERFACE, level), connect(sys.argv[1], INTERFACE, level)
calls(one, 10_000)
calls(one, 20)
calls(idle, 20)
calls(connect(sys.argv[1], INTERFACE, level), 20)
"""


@check
def impacket_takes_a_reply_of_a_megabyte_within_one_lifetime(world):
    home = world.directory / "lifetime-reply"
    home.mkdir()
    with Server(world.oxprobe, home, "--plain", "--channel-lifetime", str(2 << 20)) as server:
        for level in (1, 6):
            replies, rows = script(LARGE_REPLY, proxy_url(server), str(level)).splitlines()
            count, length = replies.split()
            assert count == "1" and int(length) > 1 << 20, replies
            assert rows.startswith("2700 /o=") and "/cn=alice " in rows and rows.endswith("/cn=bob") and rows.count("/o=") == 2, rows
    assert "recycled" not in server.log.read_text()


def recycled(world, name, level):
    home = world.directory / name
    home.mkdir()
    with Server(world.oxprobe, home, "--plain", "--channel-lifetime", str(128 << 10)) as server:
        first, *others = script(RECYCLED, proxy_url(server), level).splitlines()
    made, error = first.split(" ", 1)
    assert error == "The server requested recycling of a virtual OUT channel, but this function is not supported!", error
    # Most of the channel was used before.
    assert int(made) > 500, made
    assert others == ["20 calls"] * 3, others
    log = server.log.read_text()
    for number in (1, 2, 3):
        assert log.count(f"virtual connection {number} is open") == 2, log[-2000:]
        ended = [line for line in log.splitlines() if f"virtual connection {number}: ended" in line]
        assert len(ended) == 1 and "channel is gone" in ended[0], ended


checks(
    recycled,
    {
        "impacket_stops_at_recycling_and_the_server_goes_on": ("lifetime-recycling", "1"),
        "impacket_stops_at_recycling_and_the_server_goes_on_sealed": ("lifetime-recycling-sealed", "6"),
    },
)
