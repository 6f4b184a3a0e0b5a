//! A full response of Outlook's schema, read and written, against quick-xml's bare event loop over the same bytes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oxwire::autodiscover::pox::Response;
use oxwire::autodiscover::xml::{Source, XmlLimits};
use quick_xml::events::Event;

/// The shape that Exchange 2016 answers: MAPI/HTTP, EXCH, EXPR and WEB, some 50 values.
fn document() -> String {
    let urls = "<ASUrl>https://mail.example.com/EWS/Exchange.asmx</ASUrl><EwsUrl>https://mail.example.com/EWS/Exchange.asmx</EwsUrl>\
        <EmwsUrl>https://mail.example.com/EWS/Exchange.asmx</EmwsUrl><EcpUrl>https://mail.example.com/owa/</EcpUrl>\
        <EcpUrl-um>?path=/options/callanswering</EcpUrl-um><EcpUrl-aggr>?path=/options/connectedaccounts</EcpUrl-aggr>\
        <EcpUrl-mt>options/ecp/PersonalSettings/DeliveryReport.aspx?rfr=olk&amp;exsvurl=1&amp;IsOWA=&lt;IsOWA&gt;</EcpUrl-mt>\
        <EcpUrl-ret>?path=/options/retentionpolicies</EcpUrl-ret><EcpUrl-sms>?path=/options/textmessaging</EcpUrl-sms>\
        <OOFUrl>https://mail.example.com/EWS/Exchange.asmx</OOFUrl><UMUrl>https://mail.example.com/EWS/UM2007Legacy.asmx</UMUrl>\
        <OABUrl>https://mail.example.com/OAB/01234567-89ab-cdef-0123-456789abcdef/</OABUrl>";
    let pair = "<InternalUrl>https://mail.example.com/mapi/?MailboxId=1@example.com</InternalUrl>\
        <ExternalUrl>https://mail.example.com/mapi/?MailboxId=1@example.com</ExternalUrl>";
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover \
         xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\"><Response \
         xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\"><User><DisplayName>Kim</DisplayName>\
         <LegacyDN>/o=example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=kim</LegacyDN>\
         <AutoDiscoverSMTPAddress>kim@example.com</AutoDiscoverSMTPAddress></User><Account><AccountType>email</AccountType>\
         <Action>settings</Action><MicrosoftOnline>False</MicrosoftOnline><Protocol Type=\"mapiHttp\" Version=\"1\"><MailStore>{pair}\
         </MailStore><AddressBook>{pair}</AddressBook></Protocol><Protocol><Type>EXCH</Type><Server>1@example.com</Server>\
         <ServerDN>/o=example/cn=Servers/cn=1@example.com</ServerDN><ServerVersion>73C18080</ServerVersion>{urls}</Protocol><Protocol>\
         <Type>EXPR</Type><Server>mail.example.com</Server><SSL>On</SSL><AuthPackage>Ntlm</AuthPackage>{urls}</Protocol><Protocol>\
         <Type>WEB</Type><Internal><OWAUrl AuthenticationMethod=\"Basic, Fba\">https://mail.example.com/owa/</OWAUrl></Internal>\
         </Protocol></Account></Response></Autodiscover>"
    )
}

fn autodiscover(c: &mut Criterion) {
    let document = document();
    let mut group = c.benchmark_group("autodiscover");
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("quick-xml events", |b| {
        b.iter(|| {
            let mut reader = quick_xml::Reader::from_str(std::str::from_utf8(black_box(document.as_bytes())).unwrap());
            let mut events = 0_usize;
            while !matches!(reader.read_event().unwrap(), Event::Eof) {
                events += 1;
            }
            black_box(events)
        });
    });
    group.bench_function("parse", |b| {
        b.iter(|| {
            let source = Source::new(black_box(document.as_bytes()), XmlLimits::DEFAULT).unwrap();
            black_box(Response::decode(&source).unwrap());
        });
    });
    let source = Source::new(document.as_bytes(), XmlLimits::DEFAULT).unwrap();
    let response = Response::decode(&source).unwrap();
    group.bench_function("write", |b| b.iter(|| black_box(black_box(&response).encode().unwrap())));
    group.finish();
}

criterion_group!(benches, autodiscover);
criterion_main!(benches);
