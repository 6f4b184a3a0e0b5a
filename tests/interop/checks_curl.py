"""curl: a client without MIC or channel binding."""

from world import check, checks


@check
def curl_without_credentials_is_told_the_schemes(world):
    status, fields, _ = world.curl(world.plain.url)
    offered = {value.split()[0] for name, value in fields if name.lower() == "www-authenticate"}
    assert (status, offered) == (401, {"NTLM", "Basic"}), (status, offered)


def connects(world, tls, *options):
    """It gets a Session Context."""
    world.curl_connect((world.tls if tls else world.plain).url, *options)


ALICE = ("-u", "alice@mail.test:secret")

checks(
    connects,
    {
        "curl_basic": (False, "--basic", *ALICE),
        "curl_basic_over_tls": (True, "--basic", *ALICE),
        "curl_ntlm_by_address": (False, "--ntlm", *ALICE),
        "curl_ntlm_by_domain_and_user": (False, "--ntlm", "-u", "MAIL\\alice:secret"),
        "curl_ntlm_by_bare_user": (False, "--ntlm", "-u", "alice:secret"),
        "curl_ntlm_over_tls_without_binding": (True, "--ntlm", *ALICE),
        "curl_anyauth_takes_the_strongest": (False, "--anyauth", *ALICE),
        "curl_expects_100_continue": (False, "--basic", *ALICE, "-H", "Expect: 100-continue"),
        "curl_sends_a_chunked_request": (False, "--basic", *ALICE, "-H", "Transfer-Encoding: chunked", "-H", "Content-Length:"),
    },
)


def refused(world, scheme):
    """A wrong password is."""
    status, _, _ = world.curl(world.plain.url, scheme, "-u", "alice@mail.test:wrong")
    assert status == 401, status


checks(
    refused,
    {
        "curl_basic_with_a_wrong_password_is_refused": ("--basic",),
        "curl_ntlm_with_a_wrong_password_is_refused": ("--ntlm",),
    },
)


@check
def curl_over_http_1_0(world):
    status, _, _ = world.curl(world.plain.url, "--basic", *ALICE, "--http1.0")
    assert status == 200, status
