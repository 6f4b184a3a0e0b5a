//! Presentation contexts, as they are asked for, granted and refused; association groups.

use bytes::Bytes;
use oxwire::core::{Error, Guid, Limits, decode_all};
use oxwire::rpc::association::client::{self, Call, ContextOutcome};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{AssociationGroups, Config, ContextId, JoinRefused};
use oxwire::rpc::pdu::{
    Bind, BindTimeFeatures, Body, ContextList, ContextResult, Pdu, PfcFlags, Ptype, RejectReason, ResultReason,
    SyntaxIdentifier, TRANSFER_SYNTAX_NDR, TRANSFER_SYNTAX_NDR64,
};

use crate::pair::{EMSMDB, MGMT, Pair, WALL, from_client};

/// [MS-RPCE] 3.3.1.5.6: what a server does not have is rejected with its reason, and the rest stands.
#[test]
fn contexts_are_accepted_one_by_one() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let newer = SyntaxIdentifier { version: 82 << 16, ..EMSMDB };
    let older = SyntaxIdentifier { version: 80 << 16, ..EMSMDB };
    let unknown = SyntaxIdentifier { uuid: Guid::from_wire([1; 16]), version: 1 };
    pair.client.bind(pair.now, WALL, &[unknown, newer, older], None).unwrap();
    pair.run();
    pair.server.accept(pair.now, WALL, Acceptance { assoc_group_id: 1, security: None }).unwrap();
    pair.run();
    let Some(client::Event::Bound { contexts, features, .. }) = pair.client.poll_event() else { panic!("not bound") };
    let rejected = ContextOutcome::Rejected {
        result: ContextResult::PROVIDER_REJECTION,
        reason: ResultReason::ABSTRACT_SYNTAX_NOT_SUPPORTED,
    };
    let outcomes: Vec<_> = contexts.iter().map(|(_, _, outcome)| *outcome).collect();
    assert_eq!(outcomes, [rejected, rejected, ContextOutcome::Accepted]);
    assert_eq!(features, BindTimeFeatures(3));
    let refused = pair.client.call(pair.now, Call::new(ContextId(0), 1), Bytes::from_static(b"back")).unwrap_err();
    assert_eq!(&refused.stub[..], b"back");
    assert!(refused.to_string().contains("bind or alter to the interface first"));
}

#[test]
fn an_alter_context_adds_an_interface_and_calls_wait_for_it() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.client.bind(pair.now, WALL, &[EMSMDB], None).unwrap();
    pair.run();
    pair.server.accept(pair.now, WALL, Acceptance { assoc_group_id: 1, security: None }).unwrap();
    pair.run();
    pair.seen.clear();
    let added = pair.client.alter(pair.now, WALL, &[MGMT], None).unwrap();
    pair.call(Call::new(ContextId(0), 1), &[]);
    assert!(matches!(pair.client.alter(pair.now, WALL, &[MGMT], None), Err(Error::Misuse(_))));
    pair.run();
    let types: Vec<_> = pair.seen.iter().map(|pdu| pdu.1).collect();
    assert_eq!(types, [Ptype::ALTER_CONTEXT, Ptype::ALTER_CONTEXT_RESP, Ptype::REQUEST]);
    pair.call(Call::new(added[0], 0), &[]);
    pair.run();
    while let Some(event) = pair.server.poll_event() {
        assert!(matches!(event, server::Event::Negotiate(_) | server::Event::Request(_)), "{event:?}");
    }
    assert_eq!(pair.server.calls_in_flight(), 2);
}

#[test]
fn a_refused_bind_ends_the_association_with_its_reason() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.client.bind(pair.now, WALL, &[EMSMDB], None).unwrap();
    pair.run();
    pair.server.refuse(pair.now, WALL, RejectReason::LOCAL_LIMIT_EXCEEDED).unwrap();
    pair.run();
    let refused = client::Event::Refused { reason: RejectReason::LOCAL_LIMIT_EXCEEDED, extended_error: None };
    assert_eq!(pair.client.poll_event(), Some(refused));
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Closed { .. })));
    assert!(pair.server.is_closed());
    assert!(matches!(pair.client.bind(pair.now, WALL, &[EMSMDB], None), Err(Error::Closed(_))));
}

/// [MS-RPCE] 3.3.1.5.7.
#[test]
fn association_groups() {
    let mut groups = AssociationGroups::new(u32::MAX, 2);
    assert_eq!(groups.join(0, "a"), Ok(u32::MAX));
    assert_eq!(groups.join(0, "b"), Ok(1), "0 is no id");
    assert_eq!(groups.join(0, "c"), Err(JoinRefused::Full));
    assert_eq!(groups.join(1, "b"), Ok(1));
    assert_eq!(groups.join(1, "a"), Err(JoinRefused::OtherPeer));
    assert_eq!(groups.join(7, "a"), Err(JoinRefused::Unknown));
    assert!(!groups.leave(1));
    assert!(groups.leave(1), "the last connection");
    assert_eq!(groups.join(1, "b"), Err(JoinRefused::Unknown));
    assert_eq!(groups.len(), 1);
}

/// A bind of these contexts, by hand, and the results of its bind_ack.
fn results(
    contexts: &[(u16, SyntaxIdentifier, &[SyntaxIdentifier])],
    flags: PfcFlags,
) -> (PfcFlags, Vec<(ContextResult, ResultReason, SyntaxIdentifier)>) {
    let mut pair = Pair::new(Config::default(), Config::default());
    let bind =
        Bind { max_xmit_frag: 4088, max_recv_frag: 4088, assoc_group_id: 0, contexts: ContextList::Given(contexts) };
    from_client(&mut pair, 1, flags, Body::Bind(bind)).unwrap();
    pair.server.accept(pair.now, WALL, Acceptance { assoc_group_id: 9, security: None }).unwrap();
    let ack = pair.server.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    assert!(pair.server.poll_transmit(pair.now).unwrap().is_none(), "one bind_ack");
    let ack = decode_all::<Pdu<'_>>(&ack, &Limits::DEFAULT).unwrap();
    let Body::BindAck(body) = ack.body else { panic!("{ack:?}") };
    assert_eq!((body.max_xmit_frag, body.assoc_group_id), (4088, 9));
    (ack.pfc_flags, body.results.iter().collect())
}

const REFUSED: (ContextResult, ResultReason, SyntaxIdentifier) = (
    ContextResult::PROVIDER_REJECTION,
    ResultReason::TRANSFER_SYNTAXES_NOT_SUPPORTED,
    SyntaxIdentifier { uuid: Guid::NIL, version: 0 },
);
const ACCEPTED: (ContextResult, ResultReason, SyntaxIdentifier) =
    (ContextResult::ACCEPTANCE, ResultReason::NOT_SPECIFIED, TRANSFER_SYNTAX_NDR);

/// ruler offers a random transfer syntax in its second context: that context is rejected, and the bind stands.
#[test]
fn ruler_offers_a_random_transfer_syntax() {
    let random = SyntaxIdentifier { uuid: Guid::from_wire([0x77; 16]), version: 1 };
    let contexts = [(0, EMSMDB, &[TRANSFER_SYNTAX_NDR][..]), (1, EMSMDB, &[random][..])];
    assert_eq!(results(&contexts, PfcFlags::WHOLE), (PfcFlags::WHOLE, vec![ACCEPTED, REFUSED]));
}

/// Microsoft's Remote Connectivity Analyzer wants negotiate_ack for bind-time features, and one bind_ack; like Outlook it offers
/// NDR64 next to NDR. [MS-RPCE] 3.3.1.5.3
#[test]
fn rca_wants_negotiate_ack() {
    let features = [BindTimeFeatures(3).to_syntax()];
    let contexts =
        [(0, MGMT, &[TRANSFER_SYNTAX_NDR][..]), (1, MGMT, &[TRANSFER_SYNTAX_NDR64][..]), (2, MGMT, &features[..])];
    let granted = (ContextResult::NEGOTIATE_ACK, ResultReason(3), SyntaxIdentifier::default());
    assert_eq!(results(&contexts, PfcFlags::WHOLE).1, [ACCEPTED, REFUSED, granted]);
}

/// FreeRDP sets PFC_SUPPORT_HEADER_SIGN and PFC_CONC_MPX in its bind: both are said back.
#[test]
fn freerdp_sets_header_sign_and_multiplexing() {
    let flags = PfcFlags::WHOLE.with(PfcFlags::SUPPORT_HEADER_SIGN).with(PfcFlags::CONC_MPX);
    let contexts = [(0, EMSMDB, &[TRANSFER_SYNTAX_NDR][..])];
    assert_eq!(results(&contexts, flags).0, flags);
}
