"""curl: a client without MIC or channel binding."""

from world import check


@check
def curl_without_credentials_is_told_the_schemes(world):
    status, fields, _ = world.curl(world.plain.url)
    offered = {value.split()[0] for name, value in fields if name.lower() == "www-authenticate"}
    assert (status, offered) == (401, {"NTLM", "Basic"}), (status, offered)


@check
def curl_basic(world):
    world.curl_connect(world.plain.url, "--basic", "-u", "alice@mail.test:secret")


@check
def curl_basic_over_tls(world):
    world.curl_connect(world.tls.url, "--basic", "-u", "alice@mail.test:secret")


@check
def curl_basic_with_a_wrong_password_is_refused(world):
    status, _, _ = world.curl(world.plain.url, "--basic", "-u", "alice@mail.test:wrong")
    assert status == 401, status


@check
def curl_ntlm_by_address(world):
    world.curl_connect(world.plain.url, "--ntlm", "-u", "alice@mail.test:secret")


@check
def curl_ntlm_by_domain_and_user(world):
    world.curl_connect(world.plain.url, "--ntlm", "-u", "MAIL\\alice:secret")


@check
def curl_ntlm_by_bare_user(world):
    world.curl_connect(world.plain.url, "--ntlm", "-u", "alice:secret")


@check
def curl_ntlm_over_tls_without_binding(world):
    world.curl_connect(world.tls.url, "--ntlm", "-u", "alice@mail.test:secret")


@check
def curl_ntlm_with_a_wrong_password_is_refused(world):
    status, _, _ = world.curl(world.plain.url, "--ntlm", "-u", "alice@mail.test:wrong")
    assert status == 401, status


@check
def curl_anyauth_takes_the_strongest(world):
    world.curl_connect(world.plain.url, "--anyauth", "-u", "alice@mail.test:secret")


@check
def curl_expects_100_continue(world):
    world.curl_connect(world.plain.url, "--basic", "-u", "alice@mail.test:secret", "-H", "Expect: 100-continue")


@check
def curl_sends_a_chunked_request(world):
    world.curl_connect(
        world.plain.url, "--basic", "-u", "alice@mail.test:secret", "-H", "Transfer-Encoding: chunked", "-H", "Content-Length:"
    )


@check
def curl_over_http_1_0(world):
    status, _, _ = world.curl(world.plain.url, "--basic", "-u", "alice@mail.test:secret", "--http1.0")
    assert status == 200, status
