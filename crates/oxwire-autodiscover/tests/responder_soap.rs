//! The responder's SOAP: what each question gets, read back by the decoder.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

use oxwire_autodiscover::pox::AuthPackage;
use oxwire_autodiscover::responder::{
    AskedSoap, Known, KnownDomain, KnownFederation, KnownSoap, Mailbox, MapiHttp, Proxy, Reply, RpcHttp, SoapQuestion,
    UrlPair,
};
use oxwire_autodiscover::soap::{
    ErrorCode, Request, RequestBody, Response, ResponseBody, ServerVersionInfo, SettingsRequest, SettingsResponse,
    USER_SETTINGS, Value,
};
use oxwire_autodiscover::xml::{Source, XmlLimits};

fn asking(of: &[&'static str], settings: &[&'static str]) -> SettingsRequest<'static> {
    let texts = |texts: &[&'static str]| texts.iter().map(|text| (*text).into()).collect();
    SettingsRequest { of: texts(of), settings: texts(settings), requested_version: None }
}

fn read(body: RequestBody<'static>) -> AskedSoap {
    let request = Request { message_id: Some("urn:uuid:7".into()), ..Request::new(body) };
    AskedSoap::read("POST", request.encode().unwrap().as_bytes(), XmlLimits::DEFAULT)
}

fn question(body: RequestBody<'static>) -> SoapQuestion {
    match read(body) {
        AskedSoap::Question(question) => question,
        AskedSoap::Reply(reply) => panic!("{reply:?}"),
    }
}

fn response(reply: &Reply) -> Response<'static> {
    assert_eq!((reply.status, reply.content_type), (200, "text/xml; charset=utf-8"));
    let source = Source::new(reply.body.as_bytes(), XmlLimits::DEFAULT).unwrap();
    let response = Response::decode(&source).unwrap().into_owned();
    assert_eq!(response.relates_to.as_deref(), Some("urn:uuid:7"));
    response
}

fn settings(reply: &Reply) -> SettingsResponse<'static> {
    match response(reply).body {
        ResponseBody::UserSettings(settings) | ResponseBody::DomainSettings(settings) => settings,
        other => panic!("{other:?}"),
    }
}

fn mailbox() -> Mailbox {
    let mut mailbox = Mailbox::new("kim@example.com", "Kim & Co", "/o=example/cn=kim");
    mailbox.mapi_http = Some(MapiHttp::default());
    mailbox.rpc_http = Some(RpcHttp {
        server: "1@example.com".to_owned(),
        server_dn: "/o=example/cn=1".to_owned(),
        server_version: "73C18080".to_owned(),
        mdb_dn: "/o=example/cn=1/cn=MDB".to_owned(),
        internal: None,
        external: Some(Proxy {
            host: "out.example.com".to_owned(),
            tls: true,
            auth_package: AuthPackage::Ntlm,
            principal_name: String::new(),
        }),
    });
    mailbox.web.ews = UrlPair { internal: None, external: Some("https://mail.example.com/EWS".to_owned()) };
    mailbox.web.owa = UrlPair::both("https://mail.example.com/owa/");
    mailbox.delegates.push(("team@example.com".to_owned(), "Team".to_owned()));
    mailbox.settings.push(("EwsSupportedSchemas".to_owned(), "Exchange2007, Exchange2010".to_owned()));
    mailbox
}

#[test]
fn each_user_gets_an_answer() {
    let of = [
        "kim@example.com",
        "lee@example.com",
        "pat@example.com",
        "eve@example.com",
        "max@example.com",
        "zoe@b.example",
    ];
    let question = question(RequestBody::UserSettings(asking(&of, &["UserDN"])));
    assert_eq!(question.subjects(), of);
    let mailbox = mailbox();
    let known = [
        Known::Mailbox(&mailbox),
        Known::RedirectAddr("lee@b.example"),
        Known::RedirectUrl("https://b.example/autodiscover/autodiscover.svc"),
        Known::Nobody,
        Known::Trouble("directory away"),
    ];
    let settings = settings(&question.answer(KnownSoap::Users(&known), None));
    assert_eq!(settings.status.code, ErrorCode::NoError);
    let found: Vec<_> = settings
        .answers
        .iter()
        .map(|answer| (answer.status.code.clone(), answer.redirect_target.as_deref(), answer.text("UserDN")))
        .collect();
    assert_eq!(
        found,
        [
            (ErrorCode::NoError, None, Some("/o=example/cn=kim")),
            (ErrorCode::RedirectAddress, Some("lee@b.example"), None),
            (ErrorCode::RedirectUrl, Some("https://b.example/autodiscover/autodiscover.svc"), None),
            (ErrorCode::InvalidUser, None, None),
            (ErrorCode::InternalServerError, None, None),
            // Nothing was said of this one.
            (ErrorCode::InvalidUser, None, None),
        ]
    );
}

#[test]
fn each_setting_is_given_or_refused() {
    let names = [
        "UserDisplayName",
        "ExternalEwsUrl",
        "InternalEwsUrl",
        "MapiHttpEnabled",
        "ExternalMailboxServer",
        "ExternalMailboxServerRequiresSSL",
        "ExternalMailboxServerAuthenticationMethods",
        "InternalRpcClientServer",
        "MailboxDN",
        "EwsSupportedSchemas",
        "Nonsense",
        "externalwebclienturls",
        "AlternateMailboxes",
    ];
    let question = question(RequestBody::UserSettings(asking(&["kim@example.com"], &names)));
    let mailbox = mailbox();
    let server = ServerVersionInfo { major_version: Some("15".into()), ..ServerVersionInfo::default() };
    let reply = question.answer(KnownSoap::Users(&[Known::Mailbox(&mailbox)]), Some(&server));
    assert_eq!(response(&reply).server_version.unwrap(), server);
    let answer = settings(&reply).answers.remove(0);
    for (name, value) in [
        ("UserDisplayName", "Kim & Co"),
        ("ExternalEwsUrl", "https://mail.example.com/EWS"),
        ("MapiHttpEnabled", "True"),
        ("ExternalMailboxServer", "out.example.com"),
        ("ExternalMailboxServerRequiresSSL", "True"),
        ("ExternalMailboxServerAuthenticationMethods", "ntlm"),
        ("InternalRpcClientServer", "1@example.com"),
        ("MailboxDN", "/o=example/cn=1/cn=MDB"),
        ("EwsSupportedSchemas", "Exchange2007, Exchange2010"),
    ] {
        assert_eq!(answer.text(name), Some(value), "{name}");
    }
    let errors: Vec<_> = answer.errors.iter().map(|error| (&*error.name, error.status.code.name())).collect();
    assert_eq!(errors, [("InternalEwsUrl", "SettingIsNotAvailable"), ("Nonsense", "InvalidSetting")]);
    let lists: Vec<_> = answer.settings.iter().filter(|setting| !matches!(setting.value, Value::Text(_))).collect();
    let Value::WebClientUrls(urls) = &lists[0].value else { panic!("{lists:?}") };
    assert_eq!(
        (&*lists[0].name, urls[0].url.as_deref()),
        ("ExternalWebClientUrls", Some("https://mail.example.com/owa/"))
    );
    let Value::AlternateMailboxes(others) = &lists[1].value else { panic!("{lists:?}") };
    assert_eq!(others[0].smtp_address.as_deref(), Some("team@example.com"));
}

/// The names of the reference's table are known, each once.
#[test]
fn every_setting_of_the_reference_is_known() {
    let listed = "UserDisplayName UserDN UserDeploymentId InternalMailboxServer InternalRpcClientServer InternalMailboxServerDN \
        InternalEcpUrl InternalEcpVoicemailUrl InternalEcpEmailSubscriptionsUrl InternalEcpTextMessagingUrl \
        InternalEcpDeliveryReportUrl InternalEcpRetentionPolicyTagsUrl InternalEcpPublishingUrl InternalEwsUrl InternalOABUrl \
        InternalUMUrl InternalWebClientUrls MailboxDN PublicFolderServer ActiveDirectoryServer ExternalMailboxServer \
        ExternalMailboxServerRequiresSSL ExternalMailboxServerAuthenticationMethods EcpVoicemailUrlFragment \
        EcpEmailSubscriptionsUrlFragment EcpTextMessagingUrlFragment EcpDeliveryReportUrlFragment \
        EcpRetentionPolicyTagsUrlFragment EcpPublishingUrlFragment ExternalEcpUrl ExternalEcpVoicemailUrl \
        ExternalEcpEmailSubscriptionsUrl ExternalEcpTextMessagingUrl ExternalEcpDeliveryReportUrl \
        ExternalEcpRetentionPolicyTagsUrl ExternalEcpPublishingUrl ExternalEwsUrl ExternalOABUrl ExternalUMUrl \
        ExternalWebClientUrls CrossOrganizationSharingEnabled AlternateMailboxes CasVersion EwsSupportedSchemas \
        InternalPop3Connections ExternalPop3Connections InternalImap4Connections ExternalImap4Connections \
        InternalSmtpConnections ExternalSmtpConnections InternalServerExclusiveConnect ExternalServerExclusiveConnect \
        ExchangeRpcUrl ShowGalAsDefaultView AutoDiscoverSMTPAddress InteropExternalEwsUrl ExternalEwsVersion \
        InteropExternalEwsVersion MobileMailboxPolicyInterop GroupingInformation UserMSOnline MapiHttpEnabled";
    for name in listed.split_ascii_whitespace() {
        assert_eq!(USER_SETTINGS.iter().filter(|known| **known == name).count(), 1, "{name}");
    }
}

#[test]
fn domains() {
    let of = ["example.com", "b.example", "c.example", "d.example"];
    let question = question(RequestBody::DomainSettings(asking(&of, &["ExternalEwsUrl", "ExternalEwsVersion", "X"])));
    let known = [
        KnownDomain::Settings(&[("ExternalEwsUrl", "https://mail.example.com/EWS")]),
        KnownDomain::RedirectUrl("https://b.example/autodiscover/autodiscover.svc"),
        KnownDomain::Trouble("directory away"),
    ];
    let settings = settings(&question.answer(KnownSoap::Domains(&known), None));
    let codes: Vec<_> = settings.answers.iter().map(|answer| answer.status.code.name().to_owned()).collect();
    assert_eq!(codes, ["NoError", "RedirectUrl", "InternalServerError", "InvalidDomain"]);
    assert_eq!(settings.answers[0].text("ExternalEwsUrl"), Some("https://mail.example.com/EWS"));
    let errors: Vec<_> = settings.answers[0].errors.iter().map(|error| error.status.code.name().to_owned()).collect();
    assert_eq!(errors, ["SettingIsNotAvailable", "InvalidSetting"]);
}

#[test]
fn federation() {
    let question = question(RequestBody::FederationInformation { domain: "example.com".into() });
    assert_eq!(question.subjects(), ["example.com"]);
    let answer = |known| match response(&question.answer(KnownSoap::Federation(known), None)).body {
        ResponseBody::FederationInformation(information) => information,
        other => panic!("{other:?}"),
    };
    let federated = answer(KnownFederation::Federated {
        application_uri: "EXAMPLE.COM",
        domains: &["example.com", "b.example"],
        token_issuers: &[("urn:federation:issuer", "https://issuer.example/")],
    });
    assert_eq!((federated.application_uri.as_deref(), federated.domains.len()), (Some("EXAMPLE.COM"), 2));
    assert_eq!(federated.token_issuers[0].endpoint.as_deref(), Some("https://issuer.example/"));
    assert_eq!(answer(KnownFederation::NotFederated).status.code, ErrorCode::NotFederated);
    assert_eq!(answer(KnownFederation::UnknownDomain).status.code, ErrorCode::InvalidDomain);
}

/// The request as a whole: asked for nobody, for nothing, for too many; a server that is busy or has trouble.
#[test]
fn the_whole_request_comes_to_an_error() {
    for body in [
        RequestBody::UserSettings(asking(&[], &["UserDN"])),
        RequestBody::UserSettings(asking(&["kim@example.com"], &[])),
        RequestBody::DomainSettings(asking(&[], &["ExternalEwsUrl"])),
        RequestBody::UserSettings(asking(&["kim@example.com"; SoapQuestion::MAX_SUBJECTS + 1], &["UserDN"])),
    ] {
        let AskedSoap::Reply(reply) = read(body) else { panic!() };
        let settings = settings(&reply);
        assert_eq!((settings.status.code, settings.answers.len()), (ErrorCode::InvalidRequest, 0));
    }
    let most = [const { "kim@example.com" }; SoapQuestion::MAX_SUBJECTS];
    let question = question(RequestBody::UserSettings(asking(&most, &["UserDisplayName"])));
    let mut unwritable = mailbox();
    unwritable.display_name = "\0".to_owned();
    for (known, code) in [
        (KnownSoap::Busy, ErrorCode::ServerBusy),
        (KnownSoap::Trouble("directory away"), ErrorCode::InternalServerError),
        (KnownSoap::Domains(&[]), ErrorCode::InternalServerError),
        (KnownSoap::Users(&[Known::Mailbox(&unwritable)]), ErrorCode::InternalServerError),
    ] {
        assert_eq!(settings(&question.answer(known, None)).status.code, code);
    }
}

/// What is no message of the service is a fault, never with the status 500.
#[test]
fn faults() {
    let fault = |method, body: &[u8]| match AskedSoap::read(method, body, XmlLimits::DEFAULT) {
        AskedSoap::Reply(reply) => {
            assert_eq!(reply.status, 400);
            let source = Source::new(reply.body.as_bytes(), XmlLimits::DEFAULT).unwrap();
            let response = Response::decode(&source).unwrap().into_owned();
            let ResponseBody::Fault(fault) = response.body else { panic!("{response:?}") };
            (fault.code.into_owned(), fault.message.into_owned())
        }
        AskedSoap::Question(question) => panic!("{question:?}"),
    };
    assert_eq!(fault("GET", b"").0, "s:Client");
    let good = Request::new(RequestBody::UserSettings(asking(&["kim@example.com"], &["UserDN"]))).encode().unwrap();
    for len in 0..good.len() {
        assert_eq!(fault("POST", &good.as_bytes()[..len]).0, "s:Client");
    }
    let (code, message) = fault("POST", b"<s:Envelope><s:Body><Other/></s:Body></s:Envelope>");
    assert!(code == "s:Client" && message.contains("at byte 20, /s:Envelope/s:Body/Other"), "{message}");
    // The path in the words may hold characters that the fault cannot.
    for name in ["a\u{FFFE}", "a\u{85}"] {
        let (code, message) = fault("POST", format!("<{name}><b").as_bytes());
        assert!(code == "s:Client" && message.contains("/a"), "{message}");
    }
    let security = good.replace("<s:Header>", "<s:Header><w:Security s:mustUnderstand=\"1\"/>");
    assert_eq!(fault("POST", security.as_bytes()).0, "s:MustUnderstand");
}
