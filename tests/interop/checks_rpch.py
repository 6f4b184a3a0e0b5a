"""RPC over HTTP: clients that nobody here wrote reach the interfaces of `oxprobe serve`."""

from peers import proxy_url, script
from world import check, checks

IF_IDS = ["A4F1DB00-CA47-1067-B31F-00DD010662DA", "5261574A-4572-206E-B268-6B199213B4E4"]
IF_IDS += ["F5CC5A18-4264-101A-8C59-08002B2F8426", "1544F5E0-613C-11D1-93DF-00C04FD7BD09"]

IMPACKET = """
import sys
from impacket import uuid
from impacket.dcerpc.v5 import mgmt
from impacket_client import connect
url, level, password = sys.argv[1], int(sys.argv[2]), sys.argv[3]
d = connect(url, mgmt.MSRPC_UUID_MGMT, level, password)
for _ in range(50):
    answer = mgmt.hinq_if_ids(d)
ids = answer["if_id_vector"]["if_id"]
print(*[uuid.bin_to_string(one["Data"]["Uuid"]) for one in ids])
print(*[int(one) for one in mgmt.hinq_stats(d)["statistics"]])
second = d.alter_ctx(uuid.uuidtup_to_bin(("a4f1db00-ca47-1067-b31f-00dd010662da", "0.81")))
second.call(6, b"")
print("EcDummyRpc", second.recv().hex())
d.disconnect()
"""

SAMBA = """
import sys
from samba.credentials import Credentials
from samba.dcerpc import mgmt
from samba.param import LoadParm
binding, password = sys.argv[1:]
lp, c = LoadParm(), Credentials()
c.guess(lp)
c.set_username("alice")
c.set_password(password)
c.set_domain("MAIL")
answer = mgmt.mgmt(binding, lp, c).inq_if_ids()
print(*[str(one.id.uuid).upper() for one in answer.if_id])
"""


def impacket(world, level):
    out = script(IMPACKET, proxy_url(world.plain), str(level), "secret")
    lines = out.splitlines()
    assert all(one in lines[0].upper() for one in IF_IDS), out
    calls = int(lines[1].split()[0])
    assert calls > 50, f"50 calls before this one, and {calls} counted"
    assert lines[2] == "EcDummyRpc 00000000", out


checks(
    impacket,
    {
        "impacket_rpch_without_security": (1,),
        "impacket_rpch_ntlm_at_connect_level": (2,),
        "impacket_rpch_ntlm_at_integrity_level": (5,),
        "impacket_rpch_ntlm_at_privacy_level": (6,),
    },
)


@check
def impacket_rpch_with_a_wrong_password_is_refused(world):
    script(IMPACKET, proxy_url(world.plain), "1", "wrong", fails="401")


def samba(world, security, http):
    binding = (
        f"ncacn_http:mbx1[6001,{security},RpcProxy=127.0.0.1:{world.plain.port},"
        f"HttpUseTls=false,HttpAuthOption={http}]"
    )
    out = script(SAMBA, binding, "secret", python="/usr/bin/python3")
    assert all(one in out for one in IF_IDS), out


checks(
    samba,
    {
        "samba_rpch_basic_and_ntlm_connect": ("ntlm,connect", "basic"),
        "samba_rpch_basic_and_ntlm_signed": ("ntlm,sign", "basic"),
        "samba_rpch_basic_and_ntlm_sealed": ("ntlm,seal", "basic"),
        "samba_rpch_ntlm_and_ntlm_sealed": ("ntlm,seal", "ntlm"),
        "samba_rpch_basic_and_spnego_signed": ("spnego,sign", "basic"),
        "samba_rpch_ntlm_and_spnego_connect": ("spnego,connect", "ntlm"),
        "samba_rpch_ntlm_and_spnego_at_packet_level": ("spnego,packet", "ntlm"),
        "samba_rpch_ntlm_and_spnego_sealed": ("spnego,seal", "ntlm"),
    },
)
