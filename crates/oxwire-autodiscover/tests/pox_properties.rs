//! What is written reads back the same, for any values.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail")]

use oxwire_autodiscover::Text;
use oxwire_autodiscover::pox::{
    Account, Action, AlternativeMailbox, Location, MapiUrls, MobileResponse, MobileUser, OwaUrl, Part, Protocol,
    ProtocolType, Request, Response, Schema, Server, ServerError, Setting, Unknown, User,
};
use oxwire_autodiscover::xml::{Source, XmlLimits};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Text without white space around it, which is no part of a value.
fn text() -> impl Strategy<Value = Text<'static>> {
    "[^\\x00-\\x1F\\u{FFFE}\\u{FFFF}]{0,12}|[a&<>'\"\\]\\n\\t\\r]{0,8}"
        .prop_map(|text| text.trim_matches([' ', '\t', '\r', '\n']).to_owned().into())
}

fn unknown() -> impl Strategy<Value = Vec<Unknown<'static>>> {
    vec(
        prop_oneof![Just("<X/>"), Just("<x:Y a='1'>&amp;<z/></x:Y>")].prop_map(|text| Unknown::parse(text).unwrap()),
        0..2,
    )
}

fn protocol() -> impl Strategy<Value = Protocol<'static>> {
    let name = prop_oneof![Just("EXCH".into()), Just("mapiHttp".into()), Just("WEB".into()), text()];
    (name.prop_map(ProtocolType::of), of(text()), vec(part(), 0..6))
        .prop_map(|(protocol_type, version, parts)| Protocol { protocol_type, version, parts })
}

fn part() -> impl Strategy<Value = Part<'static>> {
    let setting = (proptest::sample::select(Setting::ALL), text());
    let urls = || {
        (of(text()), of(text()), unknown()).prop_map(|(internal_url, external_url, unknown)| MapiUrls {
            internal_url,
            external_url,
            unknown,
        })
    };
    let owa = || (of(text()), text()).prop_map(|(authentication_method, url)| OwaUrl { authentication_method, url });
    let inner = || {
        (text(), text()).prop_map(|(name, url)| {
            let name = if name.is_empty() { "EXCH".into() } else { name };
            Protocol::new(ProtocolType::of(name)).with(Setting::AsUrl, url)
        })
    };
    let location = || {
        (vec(owa(), 0..3), vec(inner(), 0..2), unknown()).prop_map(|(owa_urls, protocols, unknown)| Location {
            owa_urls,
            protocols,
            unknown,
        })
    };
    prop_oneof![
        4 => setting.prop_map(|(setting, value)| Part::Setting(setting, value)),
        1 => urls().prop_map(Part::MailStore),
        1 => urls().prop_map(Part::AddressBook),
        1 => location().prop_map(Part::Internal),
        1 => location().prop_map(Part::External),
        1 => owa().prop_map(Part::OwaUrl),
        1 => unknown().prop_map(|mut unknown| match unknown.pop() {
            Some(unknown) => Part::Unknown(unknown),
            None => Part::NetworkRequirements(Default::default()),
        }),
    ]
}

fn error() -> impl Strategy<Value = ServerError<'static>> {
    (of(text()), of(text()), of(text()), of(text()), of(text()), unknown()).prop_map(
        |(time, id, error_code, message, debug_data, unknown)| ServerError {
            time,
            id,
            error_code,
            message,
            debug_data,
            unknown,
        },
    )
}

prop_compose! {
    fn account()(
        account_type in of(text()), redirect_url in of(text()), redirect_addr in of(text()),
        action in of(prop_oneof![Just(Action::Settings), Just(Action::RedirectUrl), Just(Action::Other("x".into()))]),
        protocols in vec(protocol(), 0..4), smtp_address in of(text()), error in of(error()), unknown in unknown(),
    ) -> Account<'static> {
        let mailbox = AlternativeMailbox { smtp_address, ..Default::default() };
        Account {
            account_type, action, redirect_url, redirect_addr, protocols, error, unknown,
            alternative_mailboxes: vec![mailbox], ..Default::default()
        }
    }
}

proptest! {
    #[test]
    fn response_round_trips(
        name in of(text()), account in of(account()), error in of(error()), unknown in unknown(), cut: proptest::sample::Index,
    ) {
        let user = name.map(|name| User { display_name: Some(name), ..Default::default() });
        let response = Response { user, account, error, unknown };
        let written = response.encode().unwrap();
        let source = Source::new(written.as_bytes(), XmlLimits::DEFAULT).unwrap();
        prop_assert_eq!(Response::decode(&source), Ok(response));
        let wide: Vec<u8> = written.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let wide = Source::new(&wide, XmlLimits::DEFAULT).unwrap();
        prop_assert_eq!(Response::decode(&wide), Response::decode(&source));
        let cut = cut.index(written.len());
        if let Ok(source) = Source::new(&written.as_bytes()[..cut], XmlLimits::DEFAULT) {
            prop_assert!(Response::decode(&source).is_err());
        }
    }

    #[test]
    fn request_round_trips(
        mobile: bool, address in text(), dn in of(text()), acceptable in vec(text(), 0..3), unknown in unknown(),
    ) {
        let schema = if mobile { Schema::MobileSync } else { Schema::Outlook };
        let email_address = Some(if address.is_empty() { "a".into() } else { address });
        let request = Request { schema, email_address, legacy_dn: dn, acceptable, unknown };
        let written = request.encode().unwrap();
        let source = Source::new(written.as_bytes(), XmlLimits::DEFAULT).unwrap();
        prop_assert_eq!(Request::decode(&source), Ok(request));
    }

    #[test]
    fn mobile_response_round_trips(
        culture in of(text()), email_address in of(text()), redirect in of(text()), url in of(text()), error in of(error()),
        [unknown, action_unknown, settings_unknown] in [unknown(), unknown(), unknown()],
    ) {
        let user = Some(MobileUser { email_address, ..Default::default() });
        let servers = vec![Server { url, ..Default::default() }];
        let response = MobileResponse {
            culture, user, redirect, servers, error, action_unknown, settings_unknown, unknown, action_error: None,
        };
        let written = response.encode().unwrap();
        let source = Source::new(written.as_bytes(), XmlLimits::DEFAULT).unwrap();
        prop_assert_eq!(MobileResponse::decode(&source), Ok(response));
    }

    /// Any bytes: an answer or an error, and what was read is written to the same.
    #[test]
    fn any_text(text in "(<(/?[ab:!?\\[\\]-]{0,3}( [ab]='[&;#x1<]{0,5}')?/?>)?|[ab&;#<>\\]\\-\"]{0,4}){0,12}") {
        if let Ok(source) = Source::new(text.as_bytes(), XmlLimits::DEFAULT) {
            let mut reader = oxwire_autodiscover::xml::Reader::new(&source);
            if let Err(error) = reader.root().and_then(|_| reader.skip()).and_then(|()| reader.finish()) {
                prop_assert!(error.offset <= text.len());
            }
        }
    }
}
