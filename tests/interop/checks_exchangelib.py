"""exchangelib's Autodiscover (SOAP) at our responder; requests with Python's own XML parser for the other two kinds."""

import xml.etree.ElementTree as ElementTree

import requests
from exchangelib import BASIC, NTLM, Configuration, Credentials
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from requests_ntlm import HttpNtlmAuth

import mapihttp
from world import check, session

ANS = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
NAMES = ["user_dn", "user_display_name", "mapi_http_enabled", "auto_discover_smtp_address"]


def base(url):
    return url.split("/mapi/", 1)[0]


def settings(world, auth_type, user="alice@mail.test", names=None):
    """What exchangelib makes of the answer for a user: its `error_code` is None where all went well. It checks the certificate."""

    class Adapter(requests.adapters.HTTPAdapter):
        def cert_verify(self, conn, url, verify, cert):
            super().cert_verify(conn, url, str(world.server_identity[0]), cert)

    class Protocol(AutodiscoverProtocol):
        HTTP_ADAPTER_CLS = Adapter

    credentials = Credentials("MAIL\\alice" if auth_type == NTLM else "alice@mail.test", "secret")
    endpoint = f"{base(world.tls.url)}/autodiscover/autodiscover.svc"
    configuration = Configuration(service_endpoint=endpoint, credentials=credentials, auth_type=auth_type)
    protocol = Protocol(config=configuration)
    try:
        return protocol.auth_type, protocol.get_user_settings(user, names)
    finally:
        protocol.close()


@check
def exchangelib_reads_user_settings(world):
    for auth_type in (BASIC, NTLM):
        _, answer = settings(world, auth_type, names=NAMES)
        assert answer.error_code is None, answer
        assert answer.user_settings["user_dn"] == mapihttp.user_dn("alice"), answer
        assert answer.user_settings["auto_discover_smtp_address"] == "alice@mail.test", answer
        assert answer.user_settings["mapi_http_enabled"] in (True, "True"), answer


@check
def exchangelib_reads_outlook_anywhere(world):
    proxy = "external_mailbox_server"
    names = ["internal_mailbox_server", proxy, f"{proxy}_requires_ssl", f"{proxy}_authentication_methods"]
    _, answer = settings(world, BASIC, names=names)
    server, *told = (str(answer.user_settings[name]) for name in names)
    assert server.endswith("@mail.test") and told == [f"127.0.0.1:{world.tls.port}", "True", "ntlm"], answer


@check
def exchangelib_asks_for_every_setting_that_it_knows(world):
    _, answer = settings(world, BASIC)
    assert answer.error_code is None, answer
    # What has no value here is told setting by setting; of none did we say that there is no such setting.
    wrong = {name: error for name, error in (answer.user_settings_errors or {}).items() if "no such setting" in str(error)}
    assert not wrong, wrong


@check
def exchangelib_finds_out_how_to_authenticate(world):
    auth_type, answer = settings(world, None, names=["user_dn"])
    assert auth_type in (NTLM, BASIC) and answer.error_code is None, (auth_type, answer)


@check
def exchangelib_is_told_of_a_user_that_nobody_is(world):
    try:
        _, answer = settings(world, BASIC, user="nobody@mail.test", names=["user_dn"])
    except Exception as error:
        assert "InvalidUser" in repr(error) or "nothing is known" in str(error).lower(), repr(error)
    else:
        assert answer.error_code == "InvalidUser", answer


def pox(world, **headers):
    """The protocols of alice's account, by their type, with what `headers` say of the client."""
    body = (
        "<Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006'><Request>"
        "<EMailAddress>alice@mail.test</EMailAddress><AcceptableResponseSchema>"
        f"{ANS.strip('{}')}</AcceptableResponseSchema></Request></Autodiscover>"
    )
    url = f"{base(world.tls.url)}/AutoDiscover/AutoDiscover.xml"
    answer = session(HttpNtlmAuth("MAIL\\alice", "secret")).post(
        url, data=body, headers={"Content-Type": "text/xml", **headers}
    )
    assert answer.status_code == 200, answer
    account = ElementTree.fromstring(answer.content).find(f"{ANS}Response/{ANS}Account")
    return {p.get("Type") or p.findtext(f"{ANS}Type"): p for p in account.findall(f"{ANS}Protocol")}


@check
def python_reads_pox(world):
    protocols = pox(world, **{"X-MapiHttpCapability": "1"})
    assert list(protocols) == ["mapiHttp", "EXCH", "EXPR"], protocols
    mail_store = protocols["mapiHttp"].find(f"{ANS}MailStore/{ANS}ExternalUrl").text
    assert mail_store.startswith(f"{base(world.tls.url)}/mapi/emsmdb/?MailboxId="), mail_store
    # The URL that was told is one that a session goes through at.
    whole = mapihttp.Client(session(HttpNtlmAuth("MAIL\\alice", "secret")), mail_store).whole_session("alice")
    assert whole.status == 200, whole


@check
def python_reads_outlook_anywhere(world):
    """What a client without MAPI over HTTP is told, with EXHTTP where it reads that."""
    protocols = pox(world)
    assert list(protocols) == ["EXCH", "EXPR"], protocols
    protocols = pox(world, **{"X-ClientCanHandle": "ExHttpInfo"})
    assert list(protocols) == ["EXCH", "EXHTTP", "EXPR"], protocols
    assert protocols["EXCH"].findtext(f"{ANS}Server").endswith("@mail.test")
    for name in ("EXHTTP", "EXPR"):
        told = {part.tag.removeprefix(ANS): part.text for part in protocols[name]}
        expected = {"Server": f"127.0.0.1:{world.tls.port}", "SSL": "On", "AuthPackage": "ntlm"}
        assert expected.items() <= told.items() and told["CertPrincipalName"] == "msstd:127.0.0.1", told


@check
def python_reads_error_600_and_a_401(world):
    url = f"{base(world.tls.url)}/autodiscover/autodiscover.xml"
    answer = session(("alice@mail.test", "secret")).get(url)
    code = ElementTree.fromstring(answer.content).find(".//{*}ErrorCode").text
    assert (answer.status_code, code) == (200, "600"), (answer, code)
    assert session(None).get(url).status_code == 401


@check
def python_reads_v2_without_authentication(world):
    url = f"{base(world.tls.url)}/autodiscover/autodiscover.json"
    answer = session(None).get(url, params={"Email": "alice@mail.test", "Protocol": "Autodiscoverv1"})
    assert answer.json() == {"Protocol": "AutodiscoverV1", "Url": f"{base(world.tls.url)}/autodiscover/autodiscover.xml"}
    wrong = session(None).get(url, params={"Email": "alice@mail.test", "Protocol": "Nonsense"})
    assert (wrong.status_code, wrong.json()["ErrorCode"]) == (400, "InvalidProtocol"), wrong
