//! The search of a client of Exchange Web Services: by SOAP, with POX behind it. The order, and the change of `.xml` to `.svc`, are those
//! of "Generate a list of Autodiscover endpoints"; the answers come from the responder, or are written from the reference.

use oxwire_autodiscover::discovery::{Config, Failure, Service, Step};
use oxwire_autodiscover::pox::{AuthPackage, PrincipalName};
use oxwire_autodiscover::responder::{AskedSoap, Known, KnownSoap, Mailbox, Proxy, RpcHttp, UrlPair};
use oxwire_autodiscover::transport::{Capabilities, Endpoint, Policy};
use oxwire_autodiscover::xml::XmlLimits;

use crate::internet::{Host, Internet, Objects, Reply, Request, User, document, moved, redirect_url, settings, status};
use crate::steps::srv;

const SVC: &str = "/autodiscover/autodiscover.svc";

fn config(service: Service, steps: &[Step]) -> Config {
    let mut config = Config::default();
    config.service = service;
    config.order = steps.to_vec();
    config
}

fn root(service: Service) -> Config {
    config(service, &[Step::HttpsRootDomain])
}

/// A message of the service with this in its one `UserResponse`.
fn user(inside: &str) -> Reply {
    document(
        "text/xml; charset=utf-8",
        &format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><GetUserSettingsResponseMessage \
             xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\"><Response><ErrorCode>NoError</ErrorCode><ErrorMessage/>\
             <UserResponses><UserResponse>{inside}</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body>\
             </s:Envelope>"
        ),
    )
}

/// The settings of a mailbox whose web services are at this host.
fn web_services(host: &str) -> Reply {
    user(&format!(
        "<ErrorCode>NoError</ErrorCode><UserSettings><UserSetting i:type=\"StringSetting\" \
         xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><Name>ExternalEwsUrl</Name>\
         <Value>https://{host}/EWS/Exchange.asmx</Value></UserSetting></UserSettings>"
    ))
}

/// What our own server answers by SOAP for a mailbox with RPC over HTTP and web services; there is no POX on it.
fn responder(request: &Request) -> Reply {
    if request.target != SVC {
        return status(404);
    }
    let url = |host: &str| Some(format!("https://{host}/EWS/Exchange.asmx"));
    let mut mailbox = Mailbox::new("kim@example.com", "Kim", "/o=example/cn=kim");
    mailbox.web.ews = UrlPair { internal: url("in.example.com"), external: url("mail.example.com") };
    mailbox.web.owa = UrlPair { internal: None, external: Some("https://mail.example.com/owa/".to_owned()) };
    mailbox.rpc_http = Some(RpcHttp {
        server: "1@example.com".to_owned(),
        external: Some(Proxy {
            host: "mail.example.com".to_owned(),
            tls: true,
            auth_package: AuthPackage::Ntlm,
            principal_name: "msstd:mail.example.com".to_owned(),
        }),
        server_dn: "/o=example/cn=1".to_owned(),
        server_version: String::new(),
        mdb_dn: String::new(),
        internal: None,
    });
    mailbox.delegates = vec![("pat@example.com".to_owned(), "Pat".to_owned())];
    let reply = match AskedSoap::read(&request.method, request.body.as_bytes(), XmlLimits::DEFAULT) {
        AskedSoap::Question(question) => {
            assert_eq!(question.subjects(), ["kim@example.com"]);
            question.answer(KnownSoap::Users(&[Known::Mailbox(&mailbox)]), None)
        }
        AskedSoap::Reply(reply) => reply,
    };
    Reply { status: reply.status, ..document(reply.content_type, &reply.body) }
}

/// The machine's request against the responder's answer: the settings as they came, and in POX's shape for the choice.
#[test]
fn settings_by_soap() {
    for service in [Service::SoapThenPox, Service::Soap] {
        let net = Internet::default().host("https://example.com", Host::Serves(responder));
        let run = net.discover("kim@example.com", &root(service));
        assert_eq!(run.requests, [format!("POST https://example.com{SVC}")]);
        assert!(run.trail().ends_with("200 text/xml; charset=utf-8, settings\n"), "{}", run.trail());
        let found = run.outcome.unwrap();
        assert_eq!(found.url.as_deref(), Some("https://example.com/autodiscover/autodiscover.svc"));
        let came = found.user_settings.as_ref().unwrap();
        assert_eq!(came.text("ExternalEwsUrl"), Some("https://mail.example.com/EWS/Exchange.asmx"));
        assert_eq!(came.text("InternalEwsUrl"), Some("https://in.example.com/EWS/Exchange.asmx"));
        let user = found.response.user.as_ref().unwrap();
        assert_eq!((user.display_name.as_deref(), user.legacy_dn.as_deref()), (Some("Kim"), Some("/o=example/cn=kim")));
        let can = Capabilities { mapi_http: true, rpc_http: true, rpc: false };
        let choice = found.choose(can, &Policy::DEFAULT);
        assert_eq!(
            choice.candidates[0].endpoint,
            Endpoint::RpcHttp {
                proxy: "mail.example.com",
                server: "1@example.com",
                tls: true,
                principal_name: Some(PrincipalName::Msstd("mail.example.com".into())),
                auth_package: Some(AuthPackage::Ntlm),
            }
        );
        let account = found.response.account.as_ref().unwrap();
        assert_eq!(account.alternative_mailboxes[0].smtp_address.as_deref(), Some("pat@example.com"));
    }
}

/// Outlook's way asks nobody by SOAP.
#[test]
fn pox_unless_asked_for() {
    let net = Internet::default().host("https://example.com", Host::Serves(responder));
    let run = net.discover("kim@example.com", &root(Service::Pox));
    assert_eq!(run.outcome, Err(Failure::NothingFound));
    assert_eq!(run.requests, ["POST https://example.com/autodiscover/autodiscover.xml"]);
}

/// Where SOAP gives no settings, POX on the same server does; without POX the search goes on.
#[test]
fn pox_behind_soap() {
    const FAULT: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>s:Server\
                         </faultcode><faultstring>No.</faultstring></s:Fault></s:Body></s:Envelope>";
    let table = [
        ("not there", status(404), "status 404"),
        ("an error page", Reply { status: 500, ..document("text/html", "<html>") }, "500 text/html, status 500"),
        ("a page", document("text/html", "<html><body/></html>"), "a page for people"),
        ("not XML", document("text/xml", "no"), "no Autodiscover response: at byte 0"),
        ("POX", settings("x"), "no Autodiscover response: at byte 38, /Autodiscover: expected the element Envelope"),
        ("a fault", Reply { status: 500, ..document("text/xml", FAULT) }, "the server's error s:Server: No."),
        ("a fault with 200", document("text/xml", FAULT), "the server's error s:Server: No."),
        (
            "nobody",
            user("<ErrorCode>InvalidUser</ErrorCode><ErrorMessage>Who?</ErrorMessage>"),
            "error InvalidUser: Who?",
        ),
        ("nothing", user("<ErrorCode>NoError</ErrorCode>"), "a response without settings"),
        ("redirect to nowhere", user("<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget/>"), "error RedirectUrl: "),
        (
            "redirect without TLS",
            user("<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>http://a.example/</RedirectTarget>"),
            "no TLS there",
        ),
    ];
    for (name, reply, verdict) in table {
        let serves = |reply: Reply, pox: Reply| {
            let host = Host::Routes(vec![(SVC, reply), ("/autodiscover/autodiscover.xml", pox)]);
            Internet::default().host("https://example.com", host)
        };
        let run =
            serves(reply.clone(), settings("pox.example")).discover("kim@example.com", &root(Service::SoapThenPox));
        assert_eq!(run.server().as_deref(), Some("pox.example"), "{name}: {}", run.trail());
        assert!(run.trail().lines().next().unwrap().contains(verdict), "{name}: {}", run.trail());
        assert!(run.outcome.unwrap().user_settings.is_none());
        let run = serves(reply, settings("pox.example")).discover("kim@example.com", &root(Service::Soap));
        assert_eq!((run.outcome, run.requests.len()), (Err(Failure::NothingFound), 1), "{name}");
    }
}

/// A server that is not there, or that refuses the credentials, is asked once and not twice.
#[test]
fn one_service_not_reached_is_both() {
    for host in [Host::Refused, Host::Hanging, Host::WrongCertificate, Host::Silent, Host::Unauthorized] {
        let shown = format!("{host:?}");
        let net = Internet::default().host("https://example.com", host);
        let run = net.discover("kim@example.com", &root(Service::SoapThenPox));
        assert!(run.outcome.is_err());
        assert!(run.requests.iter().all(|request| request.contains(SVC)), "{shown}: {:?}", run.requests);
        assert_eq!(run.trail.len(), 1, "{shown}: {}", run.trail());
    }
}

/// Every source of a URL: the directory's `.xml` becomes `.svc`, and is asked by POX where SOAP gives nothing.
#[test]
fn every_step_asks_by_both() {
    const POINTS: Objects = &[(
        &["77378F46-2C66-4aa9-A6A6-3E7A48B19596", "Site=Paris"],
        &["https://cas.example/Autodiscover/Autodiscover.xml"],
    )];
    let both = |host: &str, path: &str| [".svc", ".xml"].map(|end| format!("POST https://{host}/{path}{end}"));
    for (step, asked) in [
        (Step::Scp, both("cas.example", "Autodiscover/Autodiscover").to_vec()),
        (Step::HttpsAutodiscoverDomain, both("autodiscover.example.com", "autodiscover/autodiscover").to_vec()),
        (Step::Srv, both("srv.example", "autodiscover/autodiscover").to_vec()),
        (Step::Office365, both("cloud.example", "autodiscover/autodiscover").to_vec()),
        (
            Step::HttpRedirect,
            [
                vec!["GET http://autodiscover.example.com/autodiscover/autodiscover.xml".to_owned()],
                both("plain.example", "x/autodiscover").to_vec(),
            ]
            .concat(),
        ),
        // A URL of another form is asked by either as it is.
        (
            Step::LocalXml,
            ["POST https://local.example/here", "POST https://local.example/here"].map(str::to_owned).to_vec(),
        ),
    ] {
        let mut config = config(Service::SoapThenPox, &[step]);
        config.office365 = Some("https://cloud.example/autodiscover/autodiscover.xml".to_owned());
        config.local_xml = true;
        let mut net = Internet::default()
            .host("http://autodiscover.example.com", Host::Says(moved("https://plain.example/x/autodiscover.xml")));
        for host in ["cas", "srv", "cloud", "plain", "local"] {
            net = net.host(&format!("https://{host}.example"), Host::Says(status(404)));
        }
        net = net.host("https://autodiscover.example.com", Host::Says(status(404)));
        net.directories.insert(String::new(), Some(POINTS));
        net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(vec![srv(0, 0, 443, "srv.example")]));
        net.local_xml = Some(redirect_url("https://local.example/here").body);
        let run = net.discover("kim@example.com", &config);
        assert_eq!(run.requests, asked, "{step}: {}", run.trail());
        // Consent to a host is asked for once.
        assert!(run.asked.len() <= 1, "{step}: {:?}", run.asked);
    }
}

/// Redirects of SOAP stay with SOAP: by HTTP, to a URL, and to another address, whose login is still the first one.
#[test]
fn redirects_by_soap() {
    let target =
        |code: &str, to: &str| user(&format!("<ErrorCode>{code}</ErrorCode><RedirectTarget>{to}</RedirectTarget>"));
    let net = Internet::default()
        .host("https://example.com", Host::Says(moved("https://a.example/autodiscover/autodiscover.svc")))
        .host("https://a.example", Host::Says(target("RedirectUrl", "https://b.example/autodiscover/autodiscover.svc")))
        .host("https://b.example", Host::Says(target("RedirectAddress", "kim@c.example")))
        .host("https://c.example", Host::Says(web_services("mail.c.example")));
    let run = net.discover("kim@example.com", &root(Service::Soap));
    let hosts = ["example.com", "a.example", "b.example", "c.example"];
    assert_eq!(run.requests, hosts.map(|host| format!("POST https://{host}{SVC}")), "{}", run.trail());
    assert_eq!(
        run.asked,
        ["https://a.example", "https://b.example"]
            .map(|origin| format!("{origin}{SVC}"))
            .into_iter()
            .chain(["kim@c.example".to_owned()])
            .collect::<Vec<_>>()
    );
    let found = run.outcome.unwrap();
    assert_eq!((&*found.login, &*found.address), ("kim@example.com", "kim@c.example"));
    assert_eq!(found.user_settings.unwrap().text("ExternalEwsUrl"), Some("https://mail.c.example/EWS/Exchange.asmx"));
}

/// Who does not consent to a host is asked about it once, not once for each service.
#[test]
fn no_consent_is_for_both() {
    for user in [User::Refuses, User::IsAway] {
        let mut net = Internet { user, ..Internet::default() };
        net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(vec![srv(0, 0, 443, "srv.example")]));
        let run = net.discover("kim@example.com", &config(Service::SoapThenPox, &[Step::Srv]));
        assert_eq!((run.outcome, run.requests.len()), (Err(Failure::NothingFound), 0));
        assert_eq!(run.asked, [format!("https://srv.example{SVC}")]);
    }
}

/// Credentials go with SOAP as with POX.
#[test]
fn credentials_by_soap() {
    let mut net = Internet::default().host("https://example.com", Host::Basic(web_services("mail.example.com")));
    net.password = Some("secret");
    let run = net.discover("kim@example.com", &root(Service::Soap));
    assert!(run.outcome.is_ok(), "{}", run.trail());
}

/// What the configuration says and no message can carry is the caller's error.
#[test]
fn settings_that_xml_cannot_say() {
    let mut config = root(Service::Soap);
    config.soap_settings = vec!["\u{1}".to_owned()];
    let now = std::time::Instant::now();
    assert!(oxwire_autodiscover::discovery::Discovery::new("kim@example.com", config, now).is_err());
}
