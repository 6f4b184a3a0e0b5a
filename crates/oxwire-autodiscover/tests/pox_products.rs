//! Whole documents in the shapes of Exchange 2010, 2013, 2016, SE and online: read, written to what reads the same, and what a
//! client makes of each. Shapes after the published reference and the notes on products; values of our own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail")]

use oxwire_autodiscover::pox::{Outcome, Response, ServerVersion};
use oxwire_autodiscover::transport::{Capabilities, Endpoint, Policy, choose};
use oxwire_autodiscover::xml::{Source, XmlLimits};

const USER: &str = "<User><DisplayName>Kim Example</DisplayName><LegacyDN>/o=example/cn=Recipients/cn=kim</LegacyDN>\
    <AutoDiscoverSMTPAddress>kim@example.com</AutoDiscoverSMTPAddress><DeploymentId>01234567-89ab-cdef-0123-456789abcdef\
    </DeploymentId></User>";

const MAILBOX: &str = "76543210-89ab-cdef-0123-456789abcdef@example.com";

fn response(account: &str) -> Response<'static> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<Autodiscover \
         xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\r\n  <Response \
         xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\">\r\n    {USER}<Account>\r\n\
         <AccountType>email</AccountType><Action>settings</Action>{account}</Account></Response></Autodiscover>"
    );
    let source = Source::new(text.as_bytes(), XmlLimits::DEFAULT).unwrap();
    let read = Response::decode(&source).unwrap();
    let written = read.encode().unwrap();
    let again = Source::new(written.as_bytes(), XmlLimits::DEFAULT).unwrap();
    assert_eq!(Response::decode(&again).as_ref(), Ok(&read), "{written}");
    read.into_owned()
}

/// The endpoints in their order, each in a word and its host.
fn endpoints(response: &Response<'_>) -> Vec<String> {
    let can = Capabilities { mapi_http: true, rpc_http: true, rpc: true };
    let choice = choose(response, can, &Policy::DEFAULT);
    assert!(choice.candidates.iter().all(|candidate| candidate.user_dn == Some("/o=example/cn=Recipients/cn=kim")));
    let told = |endpoint: &Endpoint<'_>| match endpoint {
        Endpoint::MapiHttp { mail_store, .. } => format!("MAPI/HTTP {mail_store}"),
        Endpoint::RpcHttp { proxy, server, .. } => format!("RPC/HTTP {proxy} for {server}"),
        Endpoint::Rpc { server, .. } => format!("RPC {server}"),
        other => panic!("{other:?}"),
    };
    choice.candidates.iter().map(|candidate| told(&candidate.endpoint)).collect()
}

fn exch(server: &str, version: &str) -> String {
    format!(
        "<Protocol><Type>EXCH</Type><Server>{server}</Server><ServerDN>/o=example/cn=Servers/cn={server}</ServerDN>\
         <ServerVersion>{version}</ServerVersion><MdbDN>/o=example/cn=Servers/cn={server}/cn=Microsoft Private MDB</MdbDN>\
         <PublicFolderServer>pf.example.com</PublicFolderServer><AD>dc.example.com</AD><ASUrl>https://in.example.com/EWS/Exchange.asmx\
         </ASUrl><EwsUrl>https://in.example.com/EWS/Exchange.asmx</EwsUrl><EcpUrl>https://in.example.com/ecp/</EcpUrl>\
         <EcpUrl-um>?p=customize/voicemail.aspx&amp;exsvurl=1</EcpUrl-um><OOFUrl>https://in.example.com/EWS/Exchange.asmx</OOFUrl>\
         <UMUrl>https://in.example.com/EWS/UM2007Legacy.asmx</UMUrl><OABUrl>https://in.example.com/OAB/1/</OABUrl></Protocol>"
    )
}

fn proxy(kind: &str, host: &str, more: &str) -> String {
    format!(
        "<Protocol><Type>{kind}</Type><Server>{host}</Server><SSL>On</SSL><AuthPackage>Ntlm</AuthPackage>{more}<ASUrl>\
         https://{host}/EWS/Exchange.asmx</ASUrl><EwsUrl>https://{host}/EWS/Exchange.asmx</EwsUrl></Protocol>"
    )
}

const WEB: &str = "<Protocol><Type>WEB</Type><Internal><OWAUrl AuthenticationMethod=\"Basic, Fba\">https://in.example.com/owa/</OWAUrl>\
    <Protocol><Type>EXCH</Type><ASUrl>https://in.example.com/EWS/Exchange.asmx</ASUrl></Protocol></Internal><External><OWAUrl \
    AuthenticationMethod=\"Fba\">https://out.example.com/owa/</OWAUrl><Protocol><Type>EXPR</Type><ASUrl>\
    https://out.example.com/EWS/Exchange.asmx</ASUrl></Protocol></External></Protocol>";

fn mapi_http(internal: &str, external: &str) -> String {
    let urls = |path: &str| {
        let url = |host: &str| format!("https://{host}/mapi/{path}/?MailboxId={MAILBOX}");
        format!("<InternalUrl>{}</InternalUrl><ExternalUrl>{}</ExternalUrl>", url(internal), url(external))
    };
    format!(
        "<Protocol Type=\"mapiHttp\" Version=\"1\"><MailStore>{}</MailStore><AddressBook>{}</AddressBook></Protocol>",
        urls("emsmdb"),
        urls("nspi")
    )
}

/// A client access array inside, Outlook Anywhere outside, no MAPI/HTTP.
#[test]
fn exchange_2010() {
    let expr = proxy("EXPR", "out.example.com", "<CertPrincipalName>msstd:out.example.com</CertPrincipalName>");
    let response = response(&[exch("array.example.com", "738180DA"), expr, WEB.to_owned()].concat());
    let version = response.account.as_ref().unwrap().protocols[0].server_version();
    assert_eq!(version, Some(ServerVersion { major: 14, minor: 1, build: 218 }));
    assert_eq!(endpoints(&response), ["RPC array.example.com", "RPC/HTTP out.example.com for array.example.com"]);
}

/// The server is the mailbox's GUID, EXHTTP stands once for the inside and once for the outside.
#[test]
fn exchange_2013() {
    let account = [
        exch(MAILBOX, "73C08307"),
        proxy("EXPR", "out.example.com", "<CertPrincipalName>None</CertPrincipalName>"),
        WEB.to_owned(),
        proxy("EXHTTP", "in.example.com", "<ServerExclusiveConnect>On</ServerExclusiveConnect>"),
        proxy("EXHTTP", "out.example.com", "<ServerExclusiveConnect>On</ServerExclusiveConnect>"),
    ];
    let response = response(&account.concat());
    let found = endpoints(&response);
    assert_eq!(found[0], format!("RPC/HTTP in.example.com for {MAILBOX}"));
    assert!(found.contains(&format!("RPC/HTTP out.example.com for {MAILBOX}")), "{found:?}");
    assert!(!found.iter().any(|endpoint| endpoint.starts_with("RPC ")), "{found:?}");
}

/// Asked with X-MapiHttpCapability: MAPI/HTTP first, Outlook Anywhere behind it.
#[test]
fn exchange_2016() {
    let account = [
        exch(MAILBOX, "73C18880"),
        proxy("EXPR", "out.example.com", ""),
        WEB.to_owned(),
        mapi_http("in.example.com", "out.example.com"),
    ];
    let found = endpoints(&response(&account.concat()));
    assert_eq!(found[0], format!("MAPI/HTTP https://in.example.com/mapi/emsmdb/?MailboxId={MAILBOX}"));
    assert_eq!(found[1], format!("MAPI/HTTP https://out.example.com/mapi/emsmdb/?MailboxId={MAILBOX}"));
    assert_eq!(found[2], format!("RPC/HTTP out.example.com for {MAILBOX}"));
}

/// Exchange 2019 and SE leave EXCH and EXPR out for a client of MAPI/HTTP; a delegate has an address and no LegacyDN.
#[test]
fn exchange_se() {
    let delegate = "<AlternativeMailbox><Type>Delegate</Type><DisplayName>Team</DisplayName><SmtpAddress>team@example.com</SmtpAddress>\
        <OwnerSmtpAddress>team@example.com</OwnerSmtpAddress></AlternativeMailbox><PublicFolderInformation><SmtpAddress>\
        pf@example.com</SmtpAddress></PublicFolderInformation>";
    let account = [mapi_http("mail.example.com", "mail.example.com"), WEB.to_owned(), delegate.to_owned()];
    let response = response(&account.concat());
    assert_eq!(endpoints(&response), [format!("MAPI/HTTP https://mail.example.com/mapi/emsmdb/?MailboxId={MAILBOX}")]);
    let account = response.account.unwrap();
    assert_eq!(account.alternative_mailboxes[0].legacy_dn, None);
    assert_eq!(account.public_folder_information.unwrap().smtp_address.as_deref(), Some("pf@example.com"));
}

/// Online: MicrosoftOnline, elements that no reference has, an archive under its own address.
#[test]
fn exchange_online() {
    let more = "<MicrosoftOnline>True</MicrosoftOnline><ConsumerMailbox>False</ConsumerMailbox>";
    let archive = "<AlternativeMailbox><Type>Archive</Type><DisplayName>Archive - Kim</DisplayName><LegacyDN>/o=online/cn=kim/guid=1\
        </LegacyDN><Server>1@example.com</Server><OwnerSmtpAddress>kim@example.com</OwnerSmtpAddress></AlternativeMailbox>";
    let account = [
        more.to_owned(),
        mapi_http("online.example", "online.example"),
        "<Protocol><Type>WEB</Type><Internal><OWAUrl AuthenticationMethod=\"LiveIdFba, OAuth\">https://online.example/owa/</OWAUrl>\
         </Internal></Protocol>"
            .to_owned(),
        archive.to_owned(),
    ];
    let response = response(&account.concat());
    assert_eq!(endpoints(&response), [format!("MAPI/HTTP https://online.example/mapi/emsmdb/?MailboxId={MAILBOX}")]);
    let Outcome::Settings(account) = response.outcome() else { panic!("{response:?}") };
    assert_eq!((account.microsoft_online.as_deref(), account.unknown[0].name()), (Some("True"), "ConsumerMailbox"));
    assert_eq!(account.alternative_mailboxes[0].mailbox_type.as_deref(), Some("Archive"));
}
