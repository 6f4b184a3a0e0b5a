"""impacket's API, for the scripts of the checks, which run in processes of their own."""

from impacket.dcerpc.v5 import transport


def connect(url, interface, level=1, password="secret", port=6001):
    """alice's association through that RPC proxy, bound to the interface; authenticated inside RPC, too, from level 2 on."""
    made = transport.DCERPCTransportFactory(f"ncacn_http:mbx1[{port},RpcProxy=127.0.0.1:80]")
    made.set_credentials("alice", password, "MAIL")
    made.set_rpc_proxy_url(url)
    association = made.get_dce_rpc()
    association.set_credentials("alice", password, "MAIL")
    association.set_auth_level(level)
    association.connect()
    association.bind(interface)
    return association
