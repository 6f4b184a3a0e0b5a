//! A full response of Outlook's schema, read by oxwire and by mapi-autodiscover, the same bytes in the same run. Both give the
//! settings as data: the peer owns its strings and keeps the protocols that it knows, ours borrows from the document and keeps all.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mapi_autodiscover::AutodiscoverResponse;
use oxwire::autodiscover::pox::{ProtocolType, Response};
use oxwire::autodiscover::xml::{Source, XmlLimits};

/// The shape that Exchange 2016 answers to a client of MAPI/HTTP.
fn document() -> String {
    let urls = "<ASUrl>https://mail.example.com/EWS/Exchange.asmx</ASUrl><EwsUrl>https://mail.example.com/EWS/Exchange.asmx</EwsUrl>\
        <EcpUrl>https://mail.example.com/owa/</EcpUrl><EcpUrl-um>?path=/options/callanswering</EcpUrl-um><EcpUrl-mt>?rfr=olk&amp;exsvurl=1\
        </EcpUrl-mt><OOFUrl>https://mail.example.com/EWS/Exchange.asmx</OOFUrl><OABUrl>https://mail.example.com/OAB/1/</OABUrl>";
    let pair = "<InternalUrl>https://mail.example.com/mapi/?MailboxId=1@example.com</InternalUrl>\
        <ExternalUrl>https://mail.example.com/mapi/?MailboxId=1@example.com</ExternalUrl>";
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover \
         xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\"><Response \
         xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\"><User><DisplayName>Kim</DisplayName>\
         <LegacyDN>/o=example/cn=Recipients/cn=kim</LegacyDN><AutoDiscoverSMTPAddress>kim@example.com</AutoDiscoverSMTPAddress></User>\
         <Account><AccountType>email</AccountType><Action>settings</Action><Protocol Type=\"mapiHttp\" Version=\"1\"><MailStore>{pair}\
         </MailStore><AddressBook>{pair}</AddressBook></Protocol><Protocol><Type>EXCH</Type><Server>1@example.com</Server>{urls}</Protocol>\
         <Protocol><Type>EXPR</Type><Server>mail.example.com</Server><SSL>On</SSL><AuthPackage>Ntlm</AuthPackage>{urls}</Protocol>\
         </Account></Response></Autodiscover>"
    )
}

fn autodiscover(c: &mut Criterion) {
    let document = document();
    // Both find the same endpoint, or there is nothing to compare.
    let source = Source::new(document.as_bytes(), XmlLimits::DEFAULT).unwrap();
    let ours = Response::decode(&source).unwrap();
    let ours = ours.account.as_ref().unwrap().protocol(&ProtocolType::MapiHttp).unwrap().mail_store().unwrap();
    let AutodiscoverResponse::Settings(theirs) = AutodiscoverResponse::parse(&document).unwrap() else {
        panic!("no settings")
    };
    let theirs = theirs.mapi_http().unwrap();
    assert!([&ours.internal_url, &ours.external_url].iter().any(|url| url.as_deref() == theirs.mail_store_url()));

    let mut group = c.benchmark_group("autodiscover response");
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("oxwire", |b| {
        b.iter(|| {
            let source = Source::new(black_box(document.as_bytes()), XmlLimits::DEFAULT).unwrap();
            black_box(Response::decode(&source).unwrap());
        });
    });
    group.bench_function("mapi-autodiscover", |b| {
        b.iter(|| {
            let text = std::str::from_utf8(black_box(document.as_bytes())).unwrap();
            black_box(AutodiscoverResponse::parse(text).unwrap())
        });
    });
    group.finish();
}

criterion_group!(benches, autodiscover);
criterion_main!(benches);
