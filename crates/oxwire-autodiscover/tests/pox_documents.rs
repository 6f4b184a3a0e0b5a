//! The documents of the POX reference and the shapes that products send: elements as the reference has them, values of our own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

use oxwire_autodiscover::pox::{
    Action, AuthPackage, MobileResponse, Outcome, Part, PrincipalName, Protocol, ProtocolType, Request, RequestHeaders,
    Response, Schema, ServerVersion, Setting, Unknown,
};
use oxwire_autodiscover::xml::{Source, XmlLimits};

fn source(text: &str) -> Source<'_> {
    Source::new(text.as_bytes(), XmlLimits::DEFAULT).unwrap()
}

/// What is read is written to something that reads the same.
fn response(text: &str) -> Response<'static> {
    let first = source(text);
    let read = Response::decode(&first).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let written = read.encode().unwrap();
    let second = source(&written);
    assert_eq!(Response::decode(&second).as_ref(), Ok(&read), "{written}");
    read.into_owned()
}

fn settings(protocols: &str) -> Response<'static> {
    response(&format!(
        "<Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006'><Response \
         xmlns='http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a'><Account><AccountType>\
         email</AccountType><Action>settings</Action>{protocols}</Account></Response></Autodiscover>"
    ))
}

fn protocol(text: &str) -> Protocol<'static> {
    settings(text).account.unwrap().protocols.remove(0)
}

/// The example of "POX Autodiscover request for Exchange", with its https spelling of the namespaces.
#[test]
fn reference_request() {
    let text = "<Autodiscover xmlns=\"https://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">
        <Request>
          <EMailAddress>kim@example.com</EMailAddress>
          <AcceptableResponseSchema>https://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
        </Request>
      </Autodiscover>";
    let source = source(text);
    let request = Request::decode(&source).unwrap();
    assert_eq!(request.schema, Schema::Outlook);
    assert_eq!(request.email_address.as_deref(), Some("kim@example.com"));
    assert_eq!(request.answer_in(), Some(Schema::Outlook));
    assert_eq!((request.legacy_dn.clone(), request.unknown.len()), (None, 0));
}

#[test]
fn request_is_written_as_the_reference_has_it() {
    let request = Request::for_address(Schema::Outlook, "o'brien&co@example.com");
    let written = request.encode().unwrap();
    assert_eq!(
        written,
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request>\
         <EMailAddress>o'brien&amp;co@example.com</EMailAddress><AcceptableResponseSchema>\
         http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>\
         </Request></Autodiscover>"
    );
    let source = source(&written);
    assert_eq!(Request::decode(&source), Ok(request));
    let by_dn = Request::for_legacy_dn("/o=example/cn=kim").encode().unwrap();
    assert!(by_dn.contains("<Request><LegacyDN>/o=example/cn=kim</LegacyDN><AcceptableResponseSchema>"), "{by_dn}");
}

#[test]
fn request_headers() {
    let fields = [("x-mapihttpcapability", " 1 "), ("X-ClientCanHandle", "negotiate,EXHTTPINFO, New"), ("Host", "x")];
    let headers = RequestHeaders::from_fields(fields);
    assert_eq!(headers.mapi_http_capability, Some(1));
    assert!(headers.negotiate && headers.ex_http_info && headers.anchor_mailbox.is_none());
    let sent: Vec<_> = headers.fields().map(|(name, value)| (name, value.into_owned())).collect();
    let expected = [("X-MapiHttpCapability", "1"), ("X-ClientCanHandle", "Negotiate, ExHttpInfo")];
    assert_eq!(sent, expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(RequestHeaders::from_fields([("X-MapiHttpCapability", "yes")]), RequestHeaders::default());
}

/// The first example of "POX Autodiscover response for Exchange": EXCH, EXPR and WEB, https spelling of the namespaces.
#[test]
fn reference_response() {
    let text = r#"<Autodiscover xmlns="https://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
      <Response xmlns="https://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
        <User>
          <DisplayName>Kim Example</DisplayName>
          <LegacyDN>/o=example/ou=First Administrative Group/cn=Recipients/cn=kim</LegacyDN>
          <DeploymentId>01234567-89ab-cdef-0123-456789abcdef</DeploymentId>
        </User>
        <Account>
          <AccountType>email</AccountType>
          <Action>settings</Action>
          <Protocol>
            <Type>EXCH</Type>
            <Server>mbx.example.com</Server>
            <ServerDN>/o=example/cn=Servers/cn=MBX</ServerDN>
            <ServerVersion>72008287</ServerVersion>
            <MdbDN>/o=example/cn=Servers/cn=MBX/cn=Microsoft Private MDB</MdbDN>
            <ASUrl>https://mail.example.com/ews/exchange.asmx</ASUrl>
            <OOFUrl>https://mail.example.com/ews/exchange.asmx</OOFUrl>
            <UMUrl>https://mail.example.com/unifiedmessaging/service.asmx</UMUrl>
            <OABUrl>https://mail.example.com/OAB/1/</OABUrl>
          </Protocol>
          <Protocol>
            <Type>EXPR</Type>
            <Server>rpc.example.com</Server>
            <ASUrl>https://mail.example.com/ews/exchange.asmx</ASUrl>
          </Protocol>
          <Protocol>
            <Type>WEB</Type>
            <Internal>
              <OWAUrl AuthenticationMethod="Ntlm, WindowsIntegrated">https://cas-01.example.com/owa</OWAUrl>
              <OWAUrl AuthenticationMethod="Basic">https://cas-02.example.com/owa</OWAUrl>
            </Internal>
          </Protocol>
        </Account>
      </Response>
    </Autodiscover>"#;
    let response = response(text);
    let user = response.user.as_ref().unwrap();
    assert_eq!(user.display_name.as_deref(), Some("Kim Example"));
    assert_eq!(user.deployment_id.as_deref(), Some("01234567-89ab-cdef-0123-456789abcdef"));
    let Outcome::Settings(account) = response.outcome() else { panic!("{response:?}") };
    assert_eq!(account.account_type.as_deref(), Some("email"));
    let types: Vec<_> = account.protocols.iter().map(|protocol| protocol.protocol_type.name()).collect();
    assert_eq!(types, ["EXCH", "EXPR", "WEB"]);
    let exch = account.protocol(&ProtocolType::Exch).unwrap();
    assert_eq!(exch.value(Setting::MdbDn), Some("/o=example/cn=Servers/cn=MBX/cn=Microsoft Private MDB"));
    // 0x72008287: 8 in six bits, 0 in six, 0x287 in fifteen.
    assert_eq!(exch.server_version(), Some(ServerVersion { major: 8, minor: 0, build: 0x287 }));
    let expr = account.protocol(&ProtocolType::Expr).unwrap();
    assert!(expr.ssl() && expr.auth_required());
    assert_eq!(expr.principal_name(), Some(PrincipalName::Msstd("rpc.example.com".into())));
    let web = account.protocol(&ProtocolType::Web).unwrap();
    let urls = &web.internal().unwrap().owa_urls;
    assert_eq!(urls[0].authentication_method.as_deref(), Some("Ntlm, WindowsIntegrated"));
    assert_eq!(urls[1].url, "https://cas-02.example.com/owa");
    assert!(web.external().is_none());
}

/// The second example of the same page: an error in the common namespace, an empty DebugData.
#[test]
fn reference_error() {
    let response = response(
        r#"<?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="https://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
          <Response xmlns="https://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
            <Error Time="01:02:03.4567890" Id="123456">
              <ErrorCode>600</ErrorCode><Message>Invalid Request</Message><DebugData />
            </Error>
          </Response>
        </Autodiscover>"#,
    );
    let Outcome::Error(error) = response.outcome() else { panic!("{response:?}") };
    assert_eq!(error.code(), Some(600));
    assert_eq!((error.time.as_deref(), error.id.as_deref()), (Some("01:02:03.4567890"), Some("123456")));
    assert_eq!(error.debug_data.as_deref(), Some(""));
}

/// The second shape of `Account` in the reference holds the error.
#[test]
fn reference_error_in_account() {
    let response = settings("<Error><ErrorCode>501</ErrorCode></Error>");
    assert!(matches!(response.outcome(), Outcome::Error(error) if error.code() == Some(501)));
}

/// Every element that the reference lists inside `Protocol` is known, and written back under its name.
#[test]
fn every_element_of_protocol() {
    let listed = "Type Internal External TTL Server ServerDN ServerVersion MdbDN PublicFolderServer Port DirectoryPort \
        ReferralPort ASUrl EwsUrl EmwsUrl SharingUrl EcpUrl EcpUrl-um EcpUrl-aggr EcpUrl-mt EcpUrl-ret EcpUrl-sms \
        EcpUrl-publish EcpUrl-photo EcpUrl-tm EcpUrl-tmCreating EcpUrl-tmHiding EcpUrl-tmEditing EcpUrl-extinstall OOFUrl \
        OABUrl UMUrl EwsPartnerUrl LoginName DomainRequired DomainName SPA AuthPackage CertPrincipalName SSL AuthRequired \
        UsePOPAuth SMTPLast NetworkRequirements AddressBook MailStore GroupingInformation ServerExclusiveConnect";
    for name in listed.split_ascii_whitespace() {
        let holds_elements =
            ["Internal", "External", "NetworkRequirements", "AddressBook", "MailStore"].contains(&name);
        let inside = if holds_elements { "" } else { "value" };
        let found = settings(&format!("<Protocol><{name}>{inside}</{name}></Protocol>"));
        let written = found.encode().unwrap();
        assert!(written.contains(&format!("<{name}>{inside}</{name}>")), "{written}");
        let protocol = &found.account.as_ref().unwrap().protocols[0];
        assert!(!protocol.parts.iter().any(|part| matches!(part, Part::Unknown(_))), "{name}");
        assert_eq!(protocol.value(Setting::of(name).unwrap_or(Setting::Ad)).is_some(), Setting::of(name).is_some());
    }
}

#[test]
fn every_element_of_account() {
    let response = response(
        "<Autodiscover><Response><User><AutoDiscoverSMTPAddress>kim@example.com</AutoDiscoverSMTPAddress></User><Account>\
         <AccountType>email</AccountType><Action>settings</Action><MicrosoftOnline>False</MicrosoftOnline><Image>i</Image>\
         <ServiceHome>h</ServiceHome><RedirectURL>u</RedirectURL><RedirectAddr>a</RedirectAddr><Protocol><Type>IMAP</Type>\
         <NetworkRequirements><IPv4Start>192.0.2.1</IPv4Start><IPv4End>192.0.2.9</IPv4End><IPv6Start>2001:db8::1\
         </IPv6Start><IPv6End>2001:db8::9</IPv6End></NetworkRequirements></Protocol><PublicFolderInformation><SmtpAddress>\
         pf@example.com</SmtpAddress></PublicFolderInformation></Account></Response></Autodiscover>",
    );
    let address = response.user.as_ref().unwrap().auto_discover_smtp_address.as_deref();
    assert_eq!(address, Some("kim@example.com"));
    let account = response.account.unwrap();
    // `Account` of the reference spells RedirectURL, its own page RedirectUrl.
    assert_eq!((account.redirect_url.as_deref(), account.redirect_addr.as_deref()), (Some("u"), Some("a")));
    assert_eq!(account.microsoft_online.as_deref(), Some("False"));
    assert_eq!((account.image.as_deref(), account.service_home.as_deref()), (Some("i"), Some("h")));
    assert_eq!(account.public_folder_information.unwrap().smtp_address.as_deref(), Some("pf@example.com"));
    let Part::NetworkRequirements(requirements) = &account.protocols[0].parts[0] else { panic!() };
    assert_eq!(requirements.ipv4_end.as_deref(), Some("192.0.2.9"));
    assert_eq!(requirements.ipv6_start.as_deref(), Some("2001:db8::1"));
    assert!(account.unknown.is_empty());
}

#[test]
fn values_and_their_defaults() {
    let set = |inside: &str| protocol(&format!("<Protocol><Type>EXPR</Type><Server>s</Server>{inside}</Protocol>"));
    assert_eq!((set("").ttl_hours(), set("<TTL>0</TTL>").ttl_hours(), set("<TTL>x</TTL>").ttl_hours()), (1, 0, 1));
    assert!(!set("<SSL>Off</SSL>").ssl() && set("<SSL/>").ssl() && set("<SSL>maybe</SSL>").ssl());
    assert_eq!(set("<SSL>off</SSL>").principal_name(), None);
    assert_eq!(set("<CertPrincipalName>None</CertPrincipalName>").principal_name(), Some(PrincipalName::ByTls));
    let named = set("<CertPrincipalName>msstd:mail.example.com</CertPrincipalName>");
    assert_eq!(named.principal_name(), Some(PrincipalName::Msstd("mail.example.com".into())));
    assert_eq!(set("<Port>443</Port>").port(Setting::Port), Some(443));
    assert_eq!(set("<Port>65536</Port>").port(Setting::Port), None);
    for name in ["basic", "kerb", "kerbntlm", "ntlm", "certificate", "negotiate", "nego2"] {
        let package = set(&format!("<AuthPackage>{}</AuthPackage>", name.to_uppercase())).auth_package();
        assert_eq!(package.map(AuthPackage::name), Some(name));
    }
    // The reference's own example of a version: 0x738180DA.
    let version = ServerVersion::parse("738180DA").unwrap();
    assert_eq!(version, ServerVersion { major: 14, minor: 1, build: 218 });
    assert_eq!(format!("{version:x}"), "738180da");
    assert_eq!(ServerVersion::parse("+1"), None);
}

#[test]
fn redirects() {
    let account = |inside: &str| {
        response(&format!("<Autodiscover><Response><Account>{inside}</Account></Response></Autodiscover>"))
    };
    let address = account("<Action>redirectAddr</Action><RedirectAddr>a@b.example</RedirectAddr>");
    assert_eq!(address.outcome(), Outcome::RedirectAddr("a@b.example"));
    let url = account("<Action>REDIRECTURL</Action><RedirectUrl>https://b.example/x</RedirectUrl>");
    assert_eq!(url.outcome(), Outcome::RedirectUrl("https://b.example/x"));
    // Without an action, what is there decides.
    assert_eq!(account("<RedirectAddr>a@b.example</RedirectAddr>").outcome(), Outcome::RedirectAddr("a@b.example"));
    assert_eq!(account("<Action>redirectAddr</Action><RedirectAddr/>").outcome(), Outcome::Nothing);
    assert_eq!(account("<Action>dance</Action>").outcome(), Outcome::Nothing);
    assert_eq!(account("").outcome(), Outcome::Nothing);
    assert_eq!(account("<Action>x</Action>").account.unwrap().action, Some(Action::Other("x".into())));
}

/// Three namespaces, each with http and https, a slash at the end, letter case, prefixes, or none at all.
#[test]
fn spellings_of_namespaces_and_names() {
    let outer = "schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
    let inner = "schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
    for (scheme, end) in [("http", ""), ("https", ""), ("HTTP", "/"), ("https", "/")] {
        let (outer, inner) = (format!("{scheme}://{outer}{end}"), format!("{scheme}://{}{end}", inner.to_uppercase()));
        for text in [
            format!("<Autodiscover xmlns='{outer}'><Response xmlns='{inner}'><Account/></Response></Autodiscover>"),
            format!(
                "<a:AutoDiscover xmlns:a='{outer}' xmlns:b='{inner}'><b:RESPONSE><b:account/></b:RESPONSE></a:AutoDiscover>"
            ),
            format!("<autodiscover xmlns='{inner}'><response><ACCOUNT/></response></autodiscover>"),
        ] {
            assert!(response(&text).account.is_some(), "{text}");
        }
        let older = inner.trim_end_matches('/').trim_end_matches('A');
        response(&format!("<Autodiscover><Response xmlns='{older}'/></Autodiscover>"));
    }
    let mobile = Schema::MobileSync.response();
    let text = format!("<Autodiscover><Response xmlns='{mobile}'/></Autodiscover>");
    assert!(Response::decode(&source(&text)).is_err());
    assert!(MobileResponse::decode(&source(&text)).is_ok());
}

/// Text with references, CDATA, comments inside, another encoding, a byte order mark.
#[test]
fn text_in_every_form() {
    let name = |text: &str| response(&format!("<Autodiscover><Response><User>{text}</User></Response></Autodiscover>"));
    for text in [
        "<DisplayName> K&#xFC;hn &amp; S&#246;hne\r\n</DisplayName>",
        "<DisplayName><![CDATA[Kühn & Söhne]]></DisplayName>",
        "<DisplayName>Kü<!-- x -->hn<?y?> <![CDATA[&]]> Söhne</DisplayName>",
    ] {
        assert_eq!(name(text).user.unwrap().display_name.as_deref(), Some("Kühn & Söhne"), "{text}");
    }
    let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><Autodiscover><Response><User><DisplayName>Kühn 😀</DisplayName>\
                </User></Response></Autodiscover>";
    let mut forms = vec![text.as_bytes().to_vec(), ["\u{FEFF}", text].concat().into_bytes()];
    for unit in [u16::to_le_bytes, u16::to_be_bytes] {
        forms.push([0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(unit).collect());
        forms.push(text.encode_utf16().flat_map(unit).collect());
    }
    for bytes in forms {
        let source = Source::new(&bytes, XmlLimits::DEFAULT).unwrap();
        let response = Response::decode(&source).unwrap();
        assert_eq!(response.user.unwrap().display_name.as_deref(), Some("Kühn 😀"));
    }
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><Autodiscover><Response><User><DisplayName>K\xFChn \x80\
                  </DisplayName></User></Response></Autodiscover>";
    let source = Source::new(latin, XmlLimits::DEFAULT).unwrap();
    assert_eq!(Response::decode(&source).unwrap().user.unwrap().display_name.as_deref(), Some("Kühn €"));
}

/// Elements that are not known are kept where they stood, and so are known ones that come twice.
#[test]
fn unknown_elements_are_kept() {
    let response = response(
        "<Autodiscover><Beside/><Response><New a='1'><b/></New><User><X/><DisplayName>1</DisplayName><DisplayName>2\
         </DisplayName></User><Account><ConsumerMailbox>False</ConsumerMailbox><Protocol><Type>EXCH</Type><Type>EXPR</Type>\
         <SiteMailboxCreationURL>u</SiteMailboxCreationURL></Protocol></Account></Response></Autodiscover>",
    );
    assert_eq!((response.unknown[0].name(), response.unknown[0].markup()), ("New", "<New a='1'><b/></New>"));
    let user = response.user.as_ref().unwrap();
    assert_eq!(user.display_name.as_deref(), Some("1"));
    let kept: Vec<_> = user.unknown.iter().map(Unknown::markup).collect();
    assert_eq!(kept, ["<X/>", "<DisplayName>2</DisplayName>"]);
    let account = response.account.as_ref().unwrap();
    assert_eq!(account.unknown[0].name(), "ConsumerMailbox");
    assert_eq!(account.protocols[0].protocol_type, ProtocolType::Exch);
    assert!(response.encode().unwrap().contains("<SiteMailboxCreationURL>u</SiteMailboxCreationURL>"));
    assert!(Unknown::parse("<a/>").is_ok() && Unknown::parse("<a/> ").is_err() && Unknown::parse("<a>").is_err());
}

#[test]
fn text_that_xml_cannot_hold_is_not_written() {
    let error = Request::for_address(Schema::Outlook, "kim\0@example.com").encode().unwrap_err();
    assert_eq!(error.field, "EMailAddress");
}

/// Exchange 2013 SP1 and later, asked with X-MapiHttpCapability: the type in an attribute, URLs with their query kept whole.
#[test]
fn exchange_2016_mapi_http() {
    let protocol = protocol(
        "<Protocol Type=\"mapiHttp\" Version=\"1\"><MailStore><InternalUrl>https://mail.example.com/mapi/emsmdb/?MailboxId=\
         01234567-89ab-cdef-0123-456789abcdef@example.com</InternalUrl><ExternalUrl>https://x.example.com/mapi/emsmdb/?a=1&amp;b=2\
         </ExternalUrl></MailStore><AddressBook><InternalUrl>https://mail.example.com/mapi/nspi/</InternalUrl></AddressBook>\
         </Protocol>",
    );
    assert_eq!((&protocol.protocol_type, protocol.version.as_deref()), (&ProtocolType::MapiHttp, Some("1")));
    let store = protocol.mail_store().unwrap();
    assert!(
        store.internal_url.as_deref().unwrap().ends_with("?MailboxId=01234567-89ab-cdef-0123-456789abcdef@example.com")
    );
    assert_eq!(store.external_url.as_deref(), Some("https://x.example.com/mapi/emsmdb/?a=1&b=2"));
    assert_eq!(protocol.address_book().unwrap().external_url, None);
    let written = settings("<Protocol Type='MAPIHTTP' Version='1'/>").encode().unwrap();
    assert!(written.contains("<Protocol Type=\"mapiHttp\" Version=\"1\"></Protocol>"), "{written}");
}

/// Exchange SE: an AlternativeMailbox with SmtpAddress and no LegacyDN.
#[test]
fn exchange_se_alternative_mailbox() {
    let response = settings(
        "<AlternativeMailbox><Type>Delegate</Type><DisplayName>Team</DisplayName><SmtpAddress>team@example.com</SmtpAddress>\
         <OwnerSmtpAddress>team@example.com</OwnerSmtpAddress></AlternativeMailbox>",
    );
    let mailbox = &response.account.unwrap().alternative_mailboxes[0];
    assert_eq!((mailbox.mailbox_type.as_deref(), mailbox.legacy_dn.as_deref()), (Some("Delegate"), None));
    assert_eq!(mailbox.smtp_address.as_deref(), Some("team@example.com"));
}

/// A hybrid organisation: RedirectAddr names an address of the tenant.
#[test]
fn exchange_hybrid_redirect_address() {
    let response = response(
        "<Autodiscover><Response><Account><AccountType>email</AccountType><Action>redirectAddr</Action><RedirectAddr>\
         kim@example.mail.onmicrosoft.com</RedirectAddr></Account></Response></Autodiscover>",
    );
    assert_eq!(response.outcome(), Outcome::RedirectAddr("kim@example.mail.onmicrosoft.com"));
}

/// Internet providers: POP3, IMAP and SMTP with lower-case names.
#[test]
fn provider_pop_imap_smtp() {
    let response = settings(
        "<Protocol><Type>pop3</Type><Server>pop.example.com</Server><Port>995</Port><LoginName/><DomainRequired>off\
         </DomainRequired><SPA>off</SPA><SSL>on</SSL><AuthRequired>on</AuthRequired></Protocol><Protocol><Type>IMAP</Type>\
         <Encryption>TLS</Encryption></Protocol><Protocol><Type>Smtp</Type><UsePOPAuth>on</UsePOPAuth><SMTPLast>off</SMTPLast>\
         </Protocol>",
    );
    let account = response.account.unwrap();
    let pop = account.protocol(&ProtocolType::Pop3).unwrap();
    assert_eq!((pop.port(Setting::Port), pop.switch(Setting::Spa)), (Some(995), Some(false)));
    assert_eq!(account.protocol(&ProtocolType::Imap).unwrap().value(Setting::Encryption), Some("TLS"));
    assert_eq!(account.protocol(&ProtocolType::Smtp).unwrap().switch(Setting::UsePopAuth), Some(true));
}

/// Exchange ActiveSync, by [MS-ASCMD] 2.2.1.1.
#[test]
fn active_sync() {
    let request = Request::for_address(Schema::MobileSync, "kim@example.com").encode().unwrap();
    assert!(request.contains("mobilesync/requestschema/2006") && request.contains("mobilesync/responseschema/2006"));
    let text = "<Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006'><Response \
        xmlns='http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006'><Culture>en:us</Culture><User>\
        <DisplayName>Kim</DisplayName><EMailAddress>kim@example.com</EMailAddress></User><Action><Settings><Server><Type>MobileSync\
        </Type><Url>https://mail.example.com/Microsoft-Server-ActiveSync</Url><Name>n</Name></Server><Server><Type>CertEnroll</Type>\
        <ServerData>CertEnrollTemplate</ServerData></Server><X/></Settings><Y/></Action><Z/></Response></Autodiscover>";
    let read = |text: &str| {
        let first = source(text);
        let read = MobileResponse::decode(&first).unwrap();
        let written = read.encode().unwrap();
        assert_eq!(MobileResponse::decode(&source(&written)).as_ref(), Ok(&read), "{written}");
        read.into_owned()
    };
    let response = read(text);
    assert_eq!(response.culture.as_deref(), Some("en:us"));
    assert_eq!(response.servers[0].url.as_deref(), Some("https://mail.example.com/Microsoft-Server-ActiveSync"));
    assert_eq!(response.servers[1].server_data.as_deref(), Some("CertEnrollTemplate"));
    assert_eq!([&response.settings_unknown, &response.action_unknown, &response.unknown].map(Vec::len), [1, 1, 1]);
    let action = |inside: &str| {
        let namespace = Schema::MobileSync.response();
        read(&format!(
            "<Autodiscover><Response xmlns='{namespace}'><Action>{inside}</Action></Response></Autodiscover>"
        ))
    };
    assert_eq!(action("<Redirect>kim@b.example</Redirect>").redirect.as_deref(), Some("kim@b.example"));
    let error = action("<Error><Status>1</Status><Message>m</Message><DebugData>d</DebugData></Error>").action_error;
    assert_eq!(error.unwrap().status.as_deref(), Some("1"));
    let error =
        read("<Autodiscover><Response><Error><ErrorCode>600</ErrorCode></Error></Response></Autodiscover>").error;
    assert_eq!(error.unwrap().code(), Some(600));
}

/// Every prefix is an error, and every damaged byte one or none; nothing panics.
#[test]
fn damage_at_every_byte() {
    let text = settings(
        "<Protocol Type='mapiHttp' Version='1'><MailStore><InternalUrl>https://a&amp;b</InternalUrl></MailStore></Protocol>\
         <Protocol><Type>WEB</Type><Internal><OWAUrl AuthenticationMethod='Basic'>u</OWAUrl></Internal></Protocol>",
    )
    .encode()
    .unwrap();
    let decode = |bytes: &[u8]| {
        let source = Source::new(bytes, XmlLimits::DEFAULT)?;
        Response::decode(&source).map(Response::into_owned)
    };
    for len in 0..text.len() {
        let error = decode(&text.as_bytes()[..len]).unwrap_err();
        assert!(error.offset <= len);
    }
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            if let Ok(response) = decode(&bytes) {
                assert_eq!(decode(response.encode().unwrap().as_bytes()), Ok(response));
            }
        }
    }
}
