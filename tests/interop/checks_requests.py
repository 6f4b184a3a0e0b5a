"""requests_ntlm on pyspnego: NTLMv2 with MIC and channel binding."""

import struct

from requests_ntlm import HttpNtlmAuth

import mapihttp
from world import check, checks, connects, refused, session


@check
def requests_cannot_reach_the_mailbox_of_another(world):
    client = mapihttp.Client(session(HttpNtlmAuth("bob@mail.test", "other")), world.plain.url)
    answer = client.send("Connect", mapihttp.connect_body(mapihttp.user_dn("alice")))
    assert (answer.status, answer.code) == (200, 0), (answer.status, answer.code)
    # 2.2.4.1.2: StatusCode 0, and an ErrorCode that is none of success.
    status, error = struct.unpack_from("<2I", answer.body)
    assert status == 0 and error != 0, f"StatusCode {status}, ErrorCode {error:#x}"


def outcome(world, goes, server, auth):
    goes(auth, getattr(world, server).url)


checks(
    outcome,
    {
        "requests_basic": (connects, "plain", ("alice@mail.test", "secret")),
        "requests_ntlm_plain": (connects, "plain", HttpNtlmAuth("MAIL\\alice", "secret")),
        "requests_ntlm_over_tls_with_binding": (connects, "tls", HttpNtlmAuth("MAIL\\alice", "secret")),
        "requests_ntlm_over_tls_by_address": (connects, "tls", HttpNtlmAuth("alice@mail.test", "secret")),
        "requests_ntlm_over_tls_without_binding": (connects, "tls", HttpNtlmAuth("MAIL\\alice", "secret", send_cbt=False)),
        "requests_ntlm_with_a_wrong_password_is_refused": (refused, "tls", HttpNtlmAuth("MAIL\\alice", "wrong")),
        "requests_ntlm_of_an_unknown_user_is_refused": (refused, "tls", HttpNtlmAuth("MAIL\\mallory", "secret")),
    },
)
