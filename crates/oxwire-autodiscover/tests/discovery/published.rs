//! What servers publish comes out of a search as data, and becomes candidates.

use oxwire_autodiscover::pox::{AuthPackage, PrincipalName};
use oxwire_autodiscover::transport::{Capabilities, Endpoint, Location, Locations, Policy};

use crate::internet::{Host, Internet, Reply, document, pox, settings};
use crate::steps::config;

const CAN: Capabilities = Capabilities { mapi_http: true, rpc_http: true, rpc: false };

/// Internal and external URLs, the name in the certificate, the authentication.
#[test]
fn settings_become_candidates() {
    let net = Internet::default().host("https://example.com", Host::Says(settings("mail.example.com")));
    let found = net.discover("kim@example.com", &config()).outcome.unwrap();
    let choice = found.choose(CAN, &Policy::DEFAULT.with_locations(Locations::ExternalFirst));
    let first = &choice.candidates[0];
    assert_eq!((first.location, first.user_dn), (Location::External, Some("/o=example/cn=kim")));
    assert_eq!(
        first.endpoint,
        Endpoint::MapiHttp {
            mail_store: "https://mail.example.com/mapi/emsmdb/?MailboxId=1@example.com",
            address_book: None
        }
    );
    assert!(
        matches!(&choice.candidates[1].endpoint, Endpoint::MapiHttp { mail_store, .. } if mail_store.contains("internal"))
    );
    assert_eq!(
        choice.candidates[2].endpoint,
        Endpoint::RpcHttp {
            proxy: "mail.example.com",
            server: "1@example.com",
            tls: true,
            principal_name: Some(PrincipalName::Msstd("mail.example.com".into())),
            auth_package: Some(AuthPackage::Ntlm),
        }
    );
}

/// SSL offloading as the server publishes it: `SSL` Off is data, and the caller's policy decides.
#[test]
fn ssl_offloading_comes_out_as_data() {
    let account = "<Account><Action>settings</Action><Protocol><Type>EXCH</Type><Server>s@example.com</Server></Protocol>\
        <Protocol><Type>EXPR</Type><Server>proxy.internal</Server><SSL>Off</SSL><AuthPackage>Ntlm</AuthPackage></Protocol>\
        </Account>";
    let net = Internet::default().host("https://example.com", Host::Says(pox(account)));
    let found = net.discover("kim@example.com", &config()).outcome.unwrap();
    assert!(found.choose(CAN, &Policy::DEFAULT).candidates.is_empty());
    let choice = found.choose(CAN, &Policy::DEFAULT.with_allow_plain(true));
    assert!(matches!(choice.candidates[0].endpoint, Endpoint::RpcHttp { tls: false, principal_name: None, .. }));
}

/// Web hosts that send the document as `text/html`, without a type, or in pieces of one byte.
#[test]
fn documents_of_any_type_in_any_pieces() {
    let body = settings("mail.example.com").body;
    for reply in [
        document("text/html", &body),
        document("application/octet-stream", &body),
        Reply { fields: Vec::new(), ..document("", &body) },
    ] {
        let mut net = Internet::default().host("https://example.com", Host::Says(reply));
        for piece in [1, 7, 1 << 20] {
            net.piece = piece;
            let run = net.discover("kim@example.com", &config());
            assert_eq!(run.server().as_deref(), Some("mail.example.com"), "{}", run.trail());
            assert_eq!(run.trail.last().unwrap().came.as_ref().unwrap().bytes, body.len());
        }
    }
}

/// What the request says of the client: the headers that change the answer.
#[test]
fn requests_say_what_the_client_can() {
    use oxwire_autodiscover::discovery::{Config, Discovery, Step};
    use oxwire_http::{Head, HttpEvent, HttpTransmit};
    let mut config = Config::default();
    config.order = vec![Step::HttpsRootDomain];
    let now = std::time::Instant::now();
    let field = |config: &Config, name: &str| {
        let mut machine = Discovery::new("Kim@Example.com", config.clone(), now).unwrap();
        let mut found = None;
        while let Some(transmit) = machine.poll_transmit(now) {
            if let HttpTransmit::Event { event: HttpEvent::Head(Head::Request(head)), .. } = transmit {
                assert_eq!((head.method(), head.target()), ("POST", "/autodiscover/autodiscover.xml"));
                found = head.fields().text(name).map(str::to_owned);
            }
        }
        found
    };
    let is =
        |config: &Config, name: &str, value: Option<&str>| assert_eq!(field(config, name).as_deref(), value, "{name}");
    is(&config, "Host", Some("example.com"));
    is(&config, "Content-Type", Some("text/xml; charset=utf-8"));
    is(&config, "X-MapiHttpCapability", Some("1"));
    is(&config, "X-ClientCanHandle", Some("Negotiate"));
    is(&config, "X-AnchorMailbox", Some("Kim@Example.com"));
    is(&config, "Authorization", None);
    config.headers.mapi_http_capability = None;
    config.headers.anchor_mailbox = Some("shared@example.com".into());
    is(&config, "X-MapiHttpCapability", None);
    is(&config, "X-AnchorMailbox", Some("shared@example.com"));
}
