"""haproxy between client and server."""

from requests_ntlm import HttpNtlmAuth

from world import check, connects, refused


@check
def haproxy_writes_lower_case(world):
    fields = world.curl_connect(world.through("plain"), "--basic", "-u", "alice@mail.test:secret")
    assert ("x-responsecode", "0") in fields, fields
    connects(HttpNtlmAuth("MAIL\\alice", "secret"), world.through("plain"))
    world.probe_ok(world.through("plain"), "--auth", "ntlm")


@check
def haproxy_spells_names_for_outlook(world):
    fields = world.curl_connect(world.through("cased"), "--ntlm", "-u", "alice@mail.test:secret")
    assert ("X-ResponseCode", "0") in fields, fields


@check
def haproxy_ends_tls_and_basic_goes_through(world):
    connects(("alice@mail.test", "secret"), world.through("offload"))
    world.probe_ok(world.through("offload"), "--auth", "basic", "--ca", world.proxy_identity[0])


@check
def haproxy_ends_tls_and_ntlm_without_binding_goes_through(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret", send_cbt=False), world.through("offload"))
    world.probe_ok(world.through("offload"), "--auth", "ntlm", "--binding", "none", "--ca", world.proxy_identity[0])


@check
def haproxy_bridges_tls_and_breaks_the_binding(world):
    refused(HttpNtlmAuth("MAIL\\alice", "secret"), world.through("bridge"))
    status, output = world.probe(world.through("bridge"), "--auth", "ntlm", "--ca", world.proxy_identity[0])
    assert status == 1, f"ended {status}:\n{output}"
    assert "binding" in output.lower(), f"the likely cause is not named:\n{output}"


@check
def haproxy_with_the_servers_certificate_keeps_the_binding(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret"), world.through("same_certificate"))
    world.probe_ok(world.through("same_certificate"), "--auth", "ntlm", "--ca", world.server_identity[0])
