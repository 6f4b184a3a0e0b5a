//! A full response of Outlook's schema, read by oxwire, by mapi-autodiscover and by ms-autodiscover, the same bytes in the same run. All
//! give the settings as data: the peers own their strings, ours borrows from the document and keeps what it does not know besides. For
//! callers that keep the settings, ours is also measured with all of them copied out.
//!
//! ms-autodiscover knows neither MAPI/HTTP nor `On` with a capital, and fails on what it does not know: it is given a document without.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mapi_autodiscover::AutodiscoverResponse;
use ms_autodiscover::types::pox::Autodiscover;
use ms_autodiscover::types::response::{AutodiscoverResponse as MsResponse, AutodiscoverResult};
use oxwire::autodiscover::pox::{ProtocolType, Response, Setting};
use oxwire::autodiscover::xml::{Source, XmlLimits};

/// The shape that Exchange 2016 answers to a client of MAPI/HTTP, and to one without it.
fn document(mapi_http: bool) -> String {
    let urls = "<ASUrl>https://mail.example.com/EWS/Exchange.asmx</ASUrl><EwsUrl>https://mail.example.com/EWS/Exchange.asmx</EwsUrl>\
        <EmwsUrl>https://mail.example.com/EWS/Exchange.asmx</EmwsUrl><UMUrl>https://mail.example.com/EWS/UM2007Legacy.asmx?a=1&amp;b=2</UMUrl>\
        <OOFUrl>https://mail.example.com/EWS/Exchange.asmx</OOFUrl><OABUrl>https://mail.example.com/OAB/1/</OABUrl>";
    let pair = "<InternalUrl>https://mail.example.com/mapi/?MailboxId=1@example.com</InternalUrl>\
        <ExternalUrl>https://mail.example.com/mapi/?MailboxId=1@example.com</ExternalUrl>";
    let mapi_http = if mapi_http {
        format!(
            "<Protocol Type=\"mapiHttp\" Version=\"1\"><MailStore>{pair}</MailStore><AddressBook>{pair}</AddressBook></Protocol>"
        )
    } else {
        String::new()
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover \
         xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\"><Response \
         xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\"><User><DisplayName>Kim</DisplayName>\
         <LegacyDN>/o=example/cn=Recipients/cn=kim</LegacyDN><AutoDiscoverSMTPAddress>kim@example.com</AutoDiscoverSMTPAddress></User>\
         <Account><AccountType>email</AccountType><Action>settings</Action>{mapi_http}<Protocol><Type>EXCH</Type><Server>1@example.com</Server>{urls}</Protocol>\
         <Protocol><Type>EXPR</Type><Server>mail.example.com</Server><SSL>on</SSL><AuthPackage>ntlm</AuthPackage>{urls}</Protocol>\
         </Account></Response></Autodiscover>"
    )
}

fn ours(document: &str) -> Response<'static> {
    let source = Source::new(document.as_bytes(), XmlLimits::DEFAULT).unwrap();
    Response::decode(&source).unwrap().into_owned()
}

fn autodiscover(c: &mut Criterion) {
    // All find the same endpoints, or there is nothing to compare.
    let document = document(true);
    let decoded = ours(&document);
    let urls = decoded.account.as_ref().unwrap().protocol(&ProtocolType::MapiHttp).unwrap().mail_store().unwrap();
    // They read what came, and what ours writes of it.
    for document in [&document, &decoded.encode().unwrap()] {
        let AutodiscoverResponse::Settings(theirs) = AutodiscoverResponse::parse(document).unwrap() else {
            panic!("no settings")
        };
        let theirs = theirs.mapi_http().unwrap();
        assert!([&urls.internal_url, &urls.external_url].iter().any(|url| url.as_deref() == theirs.mail_store_url()));
    }
    compare(c, "autodiscover response", &document, false);

    let document = self::document(false);
    let expected = ours(&document).account.unwrap();
    let expected = expected.protocol(&ProtocolType::Exch).unwrap().value(Setting::EwsUrl).unwrap().to_owned();
    for document in [&document, &ours(&document).encode().unwrap()] {
        let theirs: AutodiscoverResult = Autodiscover::from_xml(document.as_bytes()).unwrap().into();
        let AutodiscoverResult::Ok(MsResponse::Pox(theirs)) = theirs else { panic!("no settings") };
        assert_eq!(theirs.account()[0].protocol().unwrap().ews_url(), Some(&*expected));
    }
    compare(c, "autodiscover response without MAPI/HTTP", &document, true);
}

fn compare(c: &mut Criterion, name: &str, document: &str, with_ms: bool) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("oxwire", |b| {
        b.iter(|| {
            let source = Source::new(black_box(document.as_bytes()), XmlLimits::DEFAULT).unwrap();
            black_box(Response::decode(&source).unwrap());
        });
    });
    group.bench_function("oxwire, copied out", |b| b.iter(|| black_box(ours(black_box(document)))));
    group.bench_function("mapi-autodiscover", |b| {
        b.iter(|| {
            let text = std::str::from_utf8(black_box(document.as_bytes())).unwrap();
            black_box(AutodiscoverResponse::parse(text).unwrap())
        });
    });
    if with_ms {
        group.bench_function("ms-autodiscover", |b| {
            b.iter(|| black_box(Autodiscover::from_xml(black_box(document.as_bytes())).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, autodiscover);
criterion_main!(benches);
