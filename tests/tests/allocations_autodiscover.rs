//! Allocation budgets of oxwire-autodiscover: a full response, read and written.

use std::hint::black_box;

use oxwire::autodiscover::pox::Response;
use oxwire::autodiscover::xml::{Source, XmlLimits};
use oxwire_tests::allocations;

/// The shape that Exchange answers, with `values` settings in its two large protocols.
fn document(values: usize) -> String {
    let urls = "<EwsUrl>https://mail.example.com/EWS/Exchange.asmx</EwsUrl>".repeat(values);
    format!(
        "<Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006'><Response \
         xmlns='http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a'><User><DisplayName>Kim</DisplayName>\
         </User><Account><Action>settings</Action><Protocol Type='mapiHttp' Version='1'><MailStore><InternalUrl>https://m/\
         </InternalUrl></MailStore></Protocol><Protocol><Type>EXCH</Type>{urls}</Protocol><Protocol><Type>EXPR</Type>{urls}</Protocol>\
         </Account></Response></Autodiscover>"
    )
}

fn read(values: usize) -> u64 {
    let document = document(values);
    allocations(|| {
        let source = Source::new(document.as_bytes(), XmlLimits::DEFAULT).unwrap();
        black_box(Response::decode(&source).unwrap());
    })
    .0
    .count
}

/// Values borrow from the document: twice as many cost only the growth of the two lists that hold them.
#[test]
fn reading_allocates_nothing_a_value() {
    let (few, many) = (read(64), read(128));
    assert!(few <= 40, "{few} allocations");
    assert!(many <= few + 2, "{many} allocations for twice the values of {few}");
}

/// One allocation for the document, where it is no longer than most.
#[test]
fn writing_allocates_the_document() {
    let document = document(32);
    let source = Source::new(document.as_bytes(), XmlLimits::DEFAULT).unwrap();
    let response = Response::decode(&source).unwrap();
    let count = allocations(|| {
        black_box(response.encode().unwrap());
    })
    .0
    .count;
    assert_eq!(count, 1);
}
