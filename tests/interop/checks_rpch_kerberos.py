"""Kerberos inside RPC over HTTP, with a real KDC: clients that nobody here wrote, and both of our ends."""

import json
import os

from checks_negotiate import kdc, keytab, log_has, server, tickets
from checks_rpch import IF_IDS
from peers import proxy_url, script
from world import check, checks

SAMBA = """
import sys
from samba.credentials import AUTO_USE_KERBEROS, Credentials
from samba.dcerpc import mgmt
from samba.param import LoadParm
lp, c = LoadParm(), Credentials()
lp.set("realm", "MAIL.TEST")
c.guess(lp)
c.set_username("alice")
c.set_password(sys.argv[2])
c.set_domain("MAIL")
c.set_realm("MAIL.TEST")
c.set_kerberos_state(AUTO_USE_KERBEROS)
connection = mgmt.mgmt(sys.argv[1], lp, c)
for _ in range(20):
    answer = connection.inq_if_ids()
print(*[str(one.id.uuid).upper() for one in answer.if_id])
"""

# Over the proxy by NTLM, inside by the ticket that the cache holds already: impacket asks KDCs on port 88 alone.
IMPACKET = """
import sys
from impacket import uuid
from impacket.dcerpc.v5 import mgmt, rpcrt, transport
url, level, password = sys.argv[1], int(sys.argv[2]), sys.argv[3]
t = transport.DCERPCTransportFactory("ncacn_http:mbx1[6001,RpcProxy=127.0.0.1:80]")
t.set_credentials("alice", password, "MAIL.TEST")
t.set_rpc_proxy_url(url)
t.set_kerberos(True)
d = t.get_dce_rpc()
d.set_credentials("alice", "", "MAIL.TEST")
d.set_auth_type(rpcrt.RPC_C_AUTHN_GSS_NEGOTIATE)
d.set_auth_level(level)
d.connect()
d.bind(mgmt.MSRPC_UUID_MGMT)
for _ in range(20):
    answer = mgmt.hinq_if_ids(d)
print(*[uuid.bin_to_string(one["Data"]["Uuid"]) for one in answer["if_id_vector"]["if_id"]])
"""


def samba(world, security, level):
    with server(world, *keytab(world), identity=False) as made:
        proxy = f"RpcProxy=127.0.0.1:{made.port},HttpUseTls=false,HttpAuthOption=basic"
        out = script(SAMBA, f"ncacn_http:mbx1[6001,{security},{proxy}]", "secret", python="/usr/bin/python3")
        assert all(one in out for one in IF_IDS), out
        log_has(made, f"alice@MAIL.TEST authenticated inside RPC, {level}, by Kerberos")


checks(
    samba,
    {
        "samba_rpch_kerberos_connect": ("krb5,connect", "connect"),
        "samba_rpch_kerberos_signed": ("krb5,sign", "pkt_integrity"),
        "samba_rpch_kerberos_sealed": ("krb5,seal", "pkt_privacy"),
        "samba_rpch_spnego_and_kerberos_connect": ("spnego,connect", "connect"),
        "samba_rpch_spnego_and_kerberos_at_packet_level": ("spnego,packet", "pkt"),
        "samba_rpch_spnego_and_kerberos_signed": ("spnego,sign", "pkt_integrity"),
        "samba_rpch_spnego_and_kerberos_sealed": ("spnego,seal", "pkt_privacy"),
    },
)


def impacket(world, number, level):
    kdc(world).run("kvno", "-c", str(world.tickets), "host/mbx1")
    with server(world, *keytab(world), identity=False) as made:
        os.environ["KRB5CCNAME"] = str(world.tickets)
        try:
            out = script(IMPACKET, proxy_url(made), str(number), "secret")
        finally:
            del os.environ["KRB5CCNAME"]
        assert all(one in out.upper() for one in IF_IDS), out
        log_has(made, f"alice@MAIL.TEST authenticated inside RPC, {level}, by Kerberos")


checks(
    impacket,
    {
        "impacket_rpch_kerberos_connect": (2, "connect"),
        "impacket_rpch_kerberos_signed": (5, "pkt_integrity"),
        "impacket_rpch_kerberos_sealed": (6, "pkt_privacy"),
    },
)


def ours(world, auth, told):
    """`oxprobe test` through `oxprobe serve`: a whole session, recyclings and the address book's servers included."""
    with server(world, "--epa", "require", *keytab(world)) as made:
        proxy = f"https://localhost:{made.port}/rpc/rpcproxy.dll"
        rpc = ["--transport", "rpchttp", "--rpc-server", "mbx1:6001", "--rpc-auth", auth]
        output = world.probe_ok(proxy, "--insecure", *rpc, *tickets(world))
        bind = next(json.loads(line) for line in output.splitlines() if '"step":"bind"' in line)
        assert bind["detail"]["authentication"] == told, bind


checks(
    ours,
    {
        "negotiate_rpch_kerberos_connect_between_our_ends": ("kerberos-connect", "Kerberos, connect"),
        "negotiate_rpch_kerberos_signed_between_our_ends": ("kerberos-integrity", "Kerberos, integrity"),
        "negotiate_rpch_kerberos_sealed_between_our_ends": ("kerberos-privacy", "Kerberos, privacy"),
        "negotiate_rpch_spnego_signed_between_our_ends": ("integrity", "Negotiate with Kerberos inside, integrity"),
        "negotiate_rpch_spnego_sealed_between_our_ends": ("privacy", "Negotiate with Kerberos inside, privacy"),
    },
)


@check
def negotiate_rpch_without_the_service_says_what_to_do(world):
    with server(world, *keytab(world)) as made:
        proxy = f"https://localhost:{made.port}/rpc/rpcproxy.dll"
        rpc = ["--transport", "rpchttp", "--rpc-server", "other:6001"]
        status, output = world.probe(proxy, "--insecure", *rpc, *tickets(world))
        assert status == 1 and "kvno exchangeMDB/other" in output, output
