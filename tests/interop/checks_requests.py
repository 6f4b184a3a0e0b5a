"""requests_ntlm on pyspnego: NTLMv2 with MIC and channel binding."""

import struct

from requests_ntlm import HttpNtlmAuth

import mapihttp
from world import check, connects, refused, session


@check
def requests_basic(world):
    connects(("alice@mail.test", "secret"), world.plain.url)


@check
def requests_cannot_reach_the_mailbox_of_another(world):
    client = mapihttp.Client(session(HttpNtlmAuth("bob@mail.test", "other")), world.plain.url)
    answer = client.send("Connect", mapihttp.connect_body(mapihttp.user_dn("alice")))
    assert (answer.status, answer.code) == (200, 0), (answer.status, answer.code)
    # 2.2.4.1.2: StatusCode 0, and an ErrorCode that is none of success.
    status, error = struct.unpack_from("<2I", answer.body)
    assert status == 0 and error != 0, f"StatusCode {status}, ErrorCode {error:#x}"


@check
def requests_ntlm_plain(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret"), world.plain.url)


@check
def requests_ntlm_over_tls_with_binding(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret"), world.tls.url)


@check
def requests_ntlm_over_tls_by_address(world):
    connects(HttpNtlmAuth("alice@mail.test", "secret"), world.tls.url)


@check
def requests_ntlm_over_tls_without_binding(world):
    connects(HttpNtlmAuth("MAIL\\alice", "secret", send_cbt=False), world.tls.url)


@check
def requests_ntlm_with_a_wrong_password_is_refused(world):
    refused(HttpNtlmAuth("MAIL\\alice", "wrong"), world.tls.url)


@check
def requests_ntlm_of_an_unknown_user_is_refused(world):
    refused(HttpNtlmAuth("MAIL\\mallory", "secret"), world.tls.url)
