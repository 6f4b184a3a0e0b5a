//! SOAP: the shapes of the reference's examples with values of our own, redirects, error codes, and what is none of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

use oxwire_autodiscover::soap::{ErrorCode, Request, RequestBody, Response, ResponseBody, SettingsRequest, Value};
use oxwire_autodiscover::xml::{Source, XmlErrorKind, XmlLimits};
use proptest::prelude::*;

fn request(text: &str) -> Request<'static> {
    let first = Source::new(text.as_bytes(), XmlLimits::DEFAULT).unwrap();
    let read = Request::decode(&first).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let written = read.encode().unwrap();
    let second = Source::new(written.as_bytes(), XmlLimits::DEFAULT).unwrap();
    assert_eq!(Request::decode(&second).as_ref(), Ok(&read), "{written}");
    read.into_owned()
}

fn response(text: &str) -> Response<'static> {
    let first = Source::new(text.as_bytes(), XmlLimits::DEFAULT).unwrap();
    let read = Response::decode(&first).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let written = read.encode().unwrap();
    let second = Source::new(written.as_bytes(), XmlLimits::DEFAULT).unwrap();
    assert_eq!(Response::decode(&second).as_ref(), Ok(&read), "{written}");
    read.into_owned()
}

/// "GetUserSettings operation (SOAP)": every element with a prefix, https spelling of the namespace.
#[test]
fn reference_user_settings_request() {
    let request = request(
        r#"<?xml version="1.0" encoding="utf-8"?>
        <soap:Envelope xmlns:a="https://schemas.microsoft.com/exchange/2010/Autodiscover" xmlns:wsa="http://www.w3.org/2005/08/addressing"
                       xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
          <soap:Header>
            <a:RequestedServerVersion>Exchange2010</a:RequestedServerVersion>
            <wsa:Action>https://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings</wsa:Action>
            <wsa:To>https://mail.example.com/autodiscover/autodiscover.svc</wsa:To>
          </soap:Header>
          <soap:Body>
            <a:GetUserSettingsRequestMessage>
              <a:Request>
                <a:Users><a:User><a:Mailbox>kim@example.com</a:Mailbox></a:User><a:User><a:Mailbox>pat@example.com</a:Mailbox></a:User></a:Users>
                <a:RequestedSettings><a:Setting>UserDN</a:Setting><a:Setting>CasVersion</a:Setting></a:RequestedSettings>
                <a:RequestedVersion>Exchange2013</a:RequestedVersion>
              </a:Request>
            </a:GetUserSettingsRequestMessage>
          </soap:Body>
        </soap:Envelope>"#,
    );
    assert_eq!(request.requested_server_version.as_deref(), Some("Exchange2010"));
    assert_eq!(request.to.as_deref(), Some("https://mail.example.com/autodiscover/autodiscover.svc"));
    let RequestBody::UserSettings(settings) = &request.body else { panic!("{request:?}") };
    assert_eq!(settings.of, ["kim@example.com", "pat@example.com"]);
    assert_eq!(settings.settings, ["UserDN", "CasVersion"]);
    assert_eq!(settings.requested_version.as_deref(), Some("Exchange2013"));
    let written = request.encode().unwrap();
    assert!(
        written.contains(
            ">http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings</a:Action>"
        )
    );
}

/// "GetDomainSettings operation (SOAP)" and "GetFederationInformation operation (SOAP)".
#[test]
fn reference_domain_requests() {
    let envelope = |body: &str| {
        format!(
            "<s:Envelope xmlns:s='x'><s:Header><a:MessageID>urn:uuid:1</a:MessageID></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
    };
    let domain = request(&envelope(
        "<a:GetDomainSettingsRequestMessage><a:Request><a:Domains><a:Domain>example.com</a:Domain></a:Domains>\
         <a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting></a:RequestedSettings></a:Request></a:GetDomainSettingsRequestMessage>",
    ));
    assert_eq!(domain.message_id.as_deref(), Some("urn:uuid:1"));
    let RequestBody::DomainSettings(settings) = domain.body else { panic!() };
    assert_eq!((settings.of, settings.settings), (vec!["example.com".into()], vec!["ExternalEwsUrl".into()]));
    let federation = request(&envelope(
        "<GetFederationInformationRequestMessage xmlns='https://schemas.microsoft.com/exchange/2010/Autodiscover'><Request>\
         <Domain>example.com</Domain></Request></GetFederationInformationRequestMessage>",
    ));
    assert_eq!(federation.body, RequestBody::FederationInformation { domain: "example.com".into() });
}

fn user(inside: &str) -> Response<'static> {
    response(&format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Header><h:ServerVersionInfo><h:MajorVersion>15\
         </h:MajorVersion></h:ServerVersionInfo></s:Header><s:Body><GetUserSettingsResponseMessage \
         xmlns='https://schemas.microsoft.com/exchange/2010/Autodiscover'><Response \
         xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses>\
         <UserResponse>{inside}</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>"
    ))
}

/// "GetUserSettings operation (SOAP)", the response.
#[test]
fn reference_user_settings_response() {
    let response = user(
        "<ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage><RedirectTarget i:nil='true' /><UserSettingErrors>\
         <UserSettingError><ErrorCode>InvalidSetting</ErrorCode><ErrorMessage>no</ErrorMessage><SettingName>X</SettingName>\
         </UserSettingError></UserSettingErrors><UserSettings><UserSetting i:type='StringSetting'><Name>UserDN</Name><Value>/o=example\
         </Value></UserSetting><UserSetting i:type='WebClientUrlCollectionSetting'><Name>InternalWebClientUrls</Name><WebClientUrls>\
         <WebClientUrl><Url>u</Url></WebClientUrl></WebClientUrls></UserSetting><UserSetting><Name>Empty</Name></UserSetting></UserSettings>",
    );
    let ResponseBody::UserSettings(settings) = &response.body else { panic!("{response:?}") };
    assert_eq!((&settings.status.code, &settings.status.message), (&ErrorCode::NoError, &None));
    let [answer] = &settings.answers[..] else { panic!("{settings:?}") };
    assert_eq!((answer.status.message.as_deref(), answer.redirect_target.as_deref()), (Some("No error."), None));
    assert_eq!(
        (answer.text("UserDN"), answer.text("InternalWebClientUrls"), answer.text("Empty")),
        (Some("/o=example"), None, None)
    );
    let Value::WebClientUrls(urls) = &answer.settings[1].value else { panic!("{answer:?}") };
    assert_eq!((urls[0].url.as_deref(), urls[0].authentication_methods.as_deref()), (Some("u"), None));
    let server = response.server_version.as_ref().unwrap();
    assert_eq!((server.major_version.as_deref(), server.version.as_deref()), (Some("15"), None));
    assert_eq!((&*answer.errors[0].name, &answer.errors[0].status.code), ("X", &ErrorCode::InvalidSetting));
}

/// The lists of the reference: every element of theirs is read, and written to what reads the same (by `user`).
#[test]
fn reference_collections() {
    let value = |inside: &str| {
        let response = user(&format!(
            "<UserSettings><UserSetting i:type='t'><Name>n</Name>{inside}</UserSetting></UserSettings><New/>"
        ));
        let ResponseBody::UserSettings(mut settings) = response.body else { panic!() };
        let answer = settings.answers.remove(0);
        assert_eq!(answer.unknown[0].name(), "New");
        answer.settings.into_iter().next().unwrap().value
    };
    let connections = value(
        "<ProtocolConnections><ProtocolConnection><Hostname>pop.example.com</Hostname><Port>995</Port><EncryptionMethod>SSL\
         </EncryptionMethod></ProtocolConnection><ProtocolConnection/></ProtocolConnections>",
    );
    let Value::ProtocolConnections(all) = connections else { panic!("{connections:?}") };
    assert_eq!((all.len(), all[0].port.as_deref()), (2, Some("995")));
    assert_eq!(all[0].encryption_method.as_deref(), Some("SSL"));
    let mailboxes = value(
        "<AlternateMailboxes><AlternateMailbox><Type>Archive</Type><DisplayName>A</DisplayName><LegacyDN>/o=e</LegacyDN><Server>s\
         </Server><SmtpAddress>a@b.example</SmtpAddress><New/></AlternateMailbox></AlternateMailboxes>",
    );
    let Value::AlternateMailboxes(all) = mailboxes else { panic!("{mailboxes:?}") };
    assert_eq!((all[0].mailbox_type.as_deref(), all[0].legacy_dn.as_deref()), (Some("Archive"), Some("/o=e")));
    assert_eq!((all[0].smtp_address.as_deref(), all[0].unknown.len()), (Some("a@b.example"), 1));
    let places = value(
        "<DocumentSharingLocations><DocumentSharingLocation><ServiceUrl>https://s</ServiceUrl><LocationUrl>https://l</LocationUrl>\
         <DisplayName>D</DisplayName><SupportedFileExtensions><FileExtension>docx</FileExtension><FileExtension>pptx</FileExtension>\
         </SupportedFileExtensions><ExternalAccessAllowed>true</ExternalAccessAllowed><AnonymousAccessAllowed>false\
         </AnonymousAccessAllowed><CanModifyPermissions>true</CanModifyPermissions><IsDefault>true</IsDefault>\
         </DocumentSharingLocation></DocumentSharingLocations>",
    );
    let Value::DocumentSharingLocations(all) = places else { panic!("{places:?}") };
    assert_eq!((&all[0].supported_file_extensions[..], all[0].unknown.len()), (&["docx".into(), "pptx".into()][..], 0));
    assert_eq!(
        (all[0].is_default.as_deref(), all[0].anonymous_access_allowed.as_deref()),
        (Some("true"), Some("false"))
    );
    let other = value("<Things><Thing/></Things>");
    let Value::Other { kind, markup } = other else { panic!("{other:?}") };
    assert_eq!((&*kind, markup.markup()), ("t", "<Things><Thing/></Things>"));
}

/// Faults of SOAP 1.1 with actor and detail, and of SOAP 1.2.
#[test]
fn faults() {
    let fault = |inside: &str| {
        let response = response(&format!("<s:Envelope><s:Body><s:Fault>{inside}</s:Fault></s:Body></s:Envelope>"));
        let ResponseBody::Fault(fault) = response.body else { panic!() };
        fault
    };
    let first = fault(
        "<faultcode>a:ActionNotSupported</faultcode><faultstring xml:lang='en-US'>no</faultstring><faultactor>urn:x</faultactor>\
         <detail><e>1</e></detail>",
    );
    assert_eq!((&*first.code, first.actor.as_deref()), ("a:ActionNotSupported", Some("urn:x")));
    assert_eq!(first.detail.unwrap().markup(), "<detail><e>1</e></detail>");
    let second = fault("<s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>no</s:Text></s:Reason>");
    assert_eq!((&*second.code, &*second.message), ("s:Sender", "no"));
}

/// A header that must be understood is understood, or the request is refused; a response is read all the same.
#[test]
fn headers_that_must_be_understood() {
    let text = |header: &str, message: &str| {
        format!(
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Header>{header}</s:Header><s:Body><{message}/>\
             </s:Body></s:Envelope>"
        )
    };
    let ours = "<a:Action s:mustUnderstand='1'>x</a:Action><a:To s:mustUnderstand='1'>https://x</a:To><a:ReplyTo \
                s:mustUnderstand='1'><a:Address>urn:anonymous</a:Address></a:ReplyTo><w:Other s:mustUnderstand='0'/>";
    let read = request(&text(ours, "GetUserSettingsRequestMessage"));
    assert_eq!((read.to.as_deref(), read.reply_to.as_deref()), (Some("https://x"), Some("urn:anonymous")));
    for value in ["1", "true"] {
        let security = text(&format!("<w:Security s:mustUnderstand='{value}'/>"), "GetUserSettingsRequestMessage");
        let source = Source::new(security.as_bytes(), XmlLimits::DEFAULT).unwrap();
        let error = Request::decode(&source).unwrap_err();
        assert_eq!(error.kind, XmlErrorKind::MustUnderstand);
        assert_eq!(error.path.as_str(), "/s:Envelope/s:Header/w:Security");
    }
    response(&text("<w:Security s:mustUnderstand='1'/>", "GetUserSettingsResponseMessage"));
}

/// The example of "Handling Autodiscover error messages": the request has no error, the user has.
#[test]
fn reference_redirects_and_codes() {
    let answer = |code: &str| {
        let response = user(&format!("<ErrorCode>{code}</ErrorCode><RedirectTarget>kim@b.example</RedirectTarget>"));
        let ResponseBody::UserSettings(mut settings) = response.body else { panic!() };
        assert_eq!(settings.status.code, ErrorCode::NoError);
        settings.answers.remove(0)
    };
    let redirect = answer("RedirectAddress");
    assert_eq!(
        (redirect.status.code, redirect.redirect_target.as_deref()),
        (ErrorCode::RedirectAddress, Some("kim@b.example"))
    );
    let codes = "NoError RedirectAddress RedirectUrl InvalidUser InvalidRequest InvalidSetting SettingIsNotAvailable ServerBusy \
        InvalidDomain NotFederated InternalServerError";
    let codes: Vec<_> = codes.split_ascii_whitespace().collect();
    assert_eq!(ErrorCode::ALL.iter().map(ErrorCode::name).collect::<Vec<_>>(), codes);
    for code in codes {
        let found = answer(code).status.code;
        assert!(found.name() == code && !matches!(found, ErrorCode::Other(_)));
    }
    assert_eq!(answer("New").status.code, ErrorCode::Other("New".into()));
}

#[test]
fn reference_domain_and_federation_responses() {
    let envelope = |body: &str| {
        format!(
            "<s:Envelope xmlns:s='x'><s:Header><a:RelatesTo>urn:uuid:1</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
    };
    let domain = response(&envelope(
        "<GetDomainSettingsResponseMessage><Response><ErrorCode>NoError</ErrorCode><DomainResponses><DomainResponse><ErrorCode>NoError\
         </ErrorCode><DomainSettings><DomainSetting i:type='DomainStringSetting'><Name>ExternalEwsUrl</Name><Value>https://e</Value>\
         </DomainSetting></DomainSettings></DomainResponse></DomainResponses></Response></GetDomainSettingsResponseMessage>",
    ));
    assert_eq!(domain.relates_to.as_deref(), Some("urn:uuid:1"));
    let ResponseBody::DomainSettings(settings) = domain.body else { panic!() };
    assert_eq!(settings.answers[0].text("ExternalEwsUrl"), Some("https://e"));
    let federation = response(&envelope(
        "<GetFederationInformationResponseMessage><Response><ErrorCode>NoError</ErrorCode><ErrorMessage/><ApplicationUri>U</ApplicationUri>\
         <Domains><Domain>example.com</Domain><Domain>b.example</Domain></Domains><TokenIssuers><TokenIssuer><Endpoint>https://t</Endpoint>\
         <Uri>urn:t</Uri></TokenIssuer></TokenIssuers></Response></GetFederationInformationResponseMessage>",
    ));
    let ResponseBody::FederationInformation(federation) = federation.body else { panic!() };
    assert_eq!((federation.application_uri.as_deref(), federation.domains.len()), (Some("U"), 2));
    assert_eq!(federation.token_issuers[0].uri.as_deref(), Some("urn:t"));
    let fault = response(&envelope("<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring></s:Fault>"));
    let ResponseBody::Fault(fault) = fault.body else { panic!() };
    assert_eq!((&*fault.code, &*fault.message), ("s:Client", "no"));
}

#[test]
fn no_message_of_this_service() {
    let error = |text: &str| {
        let source = Source::new(text.as_bytes(), XmlLimits::DEFAULT).unwrap();
        let error = Response::decode(&source).expect_err(text);
        assert!(Request::decode(&source).is_err(), "{text}");
        (error.offset, error.path.as_str().to_owned(), error.kind)
    };
    let none = XmlErrorKind::Missing { element: "Body, with a message" };
    assert_eq!(error("<html/>").2, XmlErrorKind::Element { expected: "Envelope" });
    assert_eq!(error("<Envelope/>"), (0, "/Envelope".to_owned(), none));
    assert_eq!(error("<Envelope><Body/></Envelope>").2, none);
    let (offset, path, kind) = error("<s:Envelope><s:Body><Other/></s:Body></s:Envelope>");
    assert_eq!((offset, path.as_str()), (20, "/s:Envelope/s:Body/Other"));
    assert!(matches!(kind, XmlErrorKind::Element { .. }));
    assert_eq!(error("<Envelope><Body>text</Body></Envelope>").2, XmlErrorKind::TextAmongElements);
}

#[test]
fn damage_at_every_byte() {
    let whole =
        user("<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>https://a&amp;b</RedirectTarget>").encode().unwrap();
    let decode = |bytes: &[u8]| {
        let source = Source::new(bytes, XmlLimits::DEFAULT)?;
        Response::decode(&source).map(Response::into_owned)
    };
    for len in 0..whole.len() {
        assert!(decode(&whole.as_bytes()[..len]).is_err());
        for bit in 0..8 {
            let mut bytes = whole.clone().into_bytes();
            bytes[len] ^= 1 << bit;
            if let Ok(response) = decode(&bytes) {
                assert_eq!(decode(response.encode().unwrap().as_bytes()), Ok(response));
            }
        }
    }
}

proptest! {
    #[test]
    fn request_round_trips(
        of in proptest::collection::vec("[a-z<&\"]{0,6}", 0..3), settings in proptest::collection::vec("[a-z]{0,6}", 0..3),
        version in proptest::option::of("[a-z&]{1,6}"), domain: bool,
    ) {
        let texts = |texts: Vec<String>| texts.into_iter().map(Into::into).collect();
        let requested_version = version.clone().map(Into::into);
        let settings = SettingsRequest { of: texts(of), settings: texts(settings), requested_version };
        let body = if domain { RequestBody::DomainSettings(settings) } else { RequestBody::UserSettings(settings) };
        let request = Request { requested_server_version: version.map(Into::into), ..Request::new(body) };
        let written = request.encode().unwrap();
        let source = Source::new(written.as_bytes(), XmlLimits::DEFAULT).unwrap();
        prop_assert_eq!(Request::decode(&source), Ok(request));
    }
}
