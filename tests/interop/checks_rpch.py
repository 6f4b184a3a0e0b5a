"""RPC over HTTP: clients that nobody here wrote reach the interfaces of `oxprobe serve`."""

import subprocess
import sys

from world import check, checks

IF_IDS = ["A4F1DB00-CA47-1067-B31F-00DD010662DA", "5261574A-4572-206E-B268-6B199213B4E4"]
IF_IDS += ["F5CC5A18-4264-101A-8C59-08002B2F8426", "1544F5E0-613C-11D1-93DF-00C04FD7BD09"]

IMPACKET = """
import sys
from impacket import uuid
from impacket.dcerpc.v5 import mgmt, transport
url, level, password = sys.argv[1], int(sys.argv[2]), sys.argv[3]
t = transport.DCERPCTransportFactory("ncacn_http:mbx1[6001,RpcProxy=127.0.0.1:80]")
t.set_credentials("alice", password, "MAIL")
t.set_rpc_proxy_url(url)
d = t.get_dce_rpc()
d.set_credentials("alice", password, "MAIL")
d.set_auth_level(level)
d.connect()
d.bind(mgmt.MSRPC_UUID_MGMT)
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


def run(python, script, *arguments):
    done = subprocess.run([python, "-W", "ignore", "-c", script, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def proxy_url(world):
    return f"http://127.0.0.1:{world.plain.port}/rpc/rpcproxy.dll"


def impacket(world, level):
    status, out, err = run(sys.executable, IMPACKET, proxy_url(world), str(level), "secret")
    assert status == 0, err[-1000:]
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
    status, _, err = run(sys.executable, IMPACKET, proxy_url(world), "1", "wrong")
    assert status != 0 and "401" in err, err[-500:]


def samba(world, security, http):
    binding = (
        f"ncacn_http:mbx1[6001,{security},RpcProxy=127.0.0.1:{world.plain.port},"
        f"HttpUseTls=false,HttpAuthOption={http}]"
    )
    status, out, err = run("/usr/bin/python3", SAMBA, binding, "secret")
    assert status == 0, err[-1000:]
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
