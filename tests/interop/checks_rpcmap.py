"""impacket's rpcmap.py as it is installed: asks mgmt for the interfaces behind an RPC proxy, then each of them for its operations."""

from world import check

MGMT = "AFA8BD80-7D8A-11C9-BEF4-08002B102989 v1.0"
EMSMDB = "A4F1DB00-CA47-1067-B31F-00DD010662DA v0.81"
ASYNC_EMSMDB = "5261574A-4572-206E-B268-6B199213B4E4 v0.1"
NSPI = "F5CC5A18-4264-101A-8C59-08002B2F8426 v56.0"
RFR = "1544F5E0-613C-11D1-93DF-00C04FD7BD09 v1.0"


def rpcmap(world, *options, port=6001, password="secret"):
    """What it prints: its log, and a mapping from each interface to the lines that stand below it."""
    who = f"MAIL/alice:{password}"
    binding = f"ncacn_http:[{port},RpcProxy=mail.test:443]"
    log, *blocks = world.impacket("rpcmap.py", "-auth-transport", who, "-auth-rpc", who, *options, binding).split("Protocol: ")
    told = {}
    for block in blocks:
        protocol, provider, interface, *lines = block.strip().splitlines()
        assert provider.startswith("Provider: "), block
        told[interface.removeprefix("UUID: ")] = [protocol, *lines]
    return log, told


@check
def rpcmap_lists_the_interfaces(world):
    for port in (6001, 6002, 6004):
        log, told = rpcmap(world, port=port)
        assert {MGMT, EMSMDB, ASYNC_EMSMDB, NSPI, RFR} <= told.keys(), log
        assert told[EMSMDB] == ["[MS-OXCRPC]: Wire Format Protocol"], told


@check
def rpcmap_finds_out_the_operations(world):
    """Of EMSMDB there are EcDoDisconnect, EcRRegisterPushNotification, EcDummyRpc, EcDoConnectEx, EcDoRpcExt2 and EcDoAsyncConnectEx. A
    call without arguments succeeds where there are none to send, and is refused for them where there are."""
    log, told = rpcmap(world, "-brute-opnums", "-opnum-max", "16")
    assert EMSMDB in told, log
    found = [line for line in told[EMSMDB][1:] if "opnum not found" not in line]
    expected = {1: "rpc_x_bad_stub_data", 4: "rpc_x_bad_stub_data", 6: "success"}
    expected |= {opnum: "rpc_x_bad_stub_data" for opnum in (10, 11, 14)}
    assert found == [f"Opnum {opnum}: {outcome}" for opnum, outcome in expected.items()], found
    assert told[ASYNC_EMSMDB][1:] == ["Opnum 0: rpc_x_bad_stub_data", "Opnums 1-16: nca_s_op_rng_error (opnum not found)"], told


@check
def rpcmap_is_refused_at_another_port_and_with_a_wrong_password(world):
    log, told = rpcmap(world, port=135)
    assert "0x6ba" in log.lower() and not told, log
    log, told = rpcmap(world, password="wrong")
    assert "401" in log and not told, log
