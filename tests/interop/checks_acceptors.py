"""Our client against others' acceptors: pyspnego and samba's ntlm_auth."""

from gateway import Gateway, PyspnegoAcceptor, SambaAcceptor
from peers import der
from world import check


@check
def probe_against_our_server(world):
    world.probe_ok(world.tls.url, "--auth", "ntlm", "--ca", world.server_identity[0])
    world.probe_ok(world.tls.url, "--auth", "basic", "--insecure", user="bob@mail.test", password="other", local_part="bob")


@check
def probe_with_a_wrong_password_says_so(world):
    status, output = world.probe(world.tls.url, "--auth", "ntlm", "--ca", world.server_identity[0], password="wrong-one")
    assert status == 1, f"ended {status}:\n{output}"
    assert "401" in output, output


def pyspnego_gateway(world, binding):
    return Gateway(world, lambda: PyspnegoAcceptor("", "alice@mail.test", "secret", binding))


def url_of(gateway, world):
    _, _, path = world.plain.url.split("//", 1)[1].partition("/")
    return f"https://127.0.0.1:{gateway.port}/{path}"


@check
def pyspnego_accepts_our_client_and_its_binding(world):
    with pyspnego_gateway(world, der(world.server_identity[0])) as gateway:
        world.probe_ok(url_of(gateway, world), "--auth", "ntlm", "--ca", world.server_identity[0])
        assert gateway.verdicts and all(v.startswith("accepted") for v in gateway.verdicts), gateway.verdicts


@check
def pyspnego_refuses_our_client_where_the_binding_is_anothers(world):
    with pyspnego_gateway(world, der(world.proxy_identity[0])) as gateway:
        status, output = world.probe(url_of(gateway, world), "--auth", "ntlm", "--ca", world.server_identity[0])
        assert status == 1, f"ended {status}:\n{output}"
        assert any("binding" in verdict.lower() for verdict in gateway.verdicts), gateway.verdicts


@check
def pyspnego_refuses_our_client_without_binding(world):
    with pyspnego_gateway(world, der(world.server_identity[0])) as gateway:
        options = ("--auth", "ntlm", "--binding", "none", "--ca", world.server_identity[0])
        status, output = world.probe(url_of(gateway, world), *options)
        assert status == 1, f"ended {status}:\n{output}"
        assert any("binding" in verdict.lower() for verdict in gateway.verdicts), gateway.verdicts


def samba_gateway(world):
    return Gateway(world, lambda: SambaAcceptor("alice@mail.test", "secret"))


@check
def samba_ntlm_auth_accepts_our_client(world):
    with samba_gateway(world) as gateway:
        world.probe_ok(url_of(gateway, world), "--auth", "ntlm", "--ca", world.server_identity[0])
        assert gateway.verdicts and all(v.startswith("accepted") for v in gateway.verdicts), gateway.verdicts


@check
def samba_ntlm_auth_refuses_a_wrong_password_of_our_client(world):
    with samba_gateway(world) as gateway:
        options = ("--auth", "ntlm", "--ca", world.server_identity[0])
        status, output = world.probe(url_of(gateway, world), *options, password="wrong-one")
        assert status == 1, f"ended {status}:\n{output}"
        assert gateway.verdicts and all(v.startswith("refused") for v in gateway.verdicts), gateway.verdicts
