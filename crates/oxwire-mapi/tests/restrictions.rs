//! PtypRestriction ([MS-OXCDATA] 2.12) and PtypRuleAction ([MS-OXORULE] 2.2.5) values. All bytes are built by hand from the texts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of a test may fail it")]

use bytes::BytesMut;
use oxwire_core::{DecodeErrorKind, Limits, Reader, Writer};
use oxwire_mapi::property::{
    ActionBlock, CountWidth, NewRestriction, PropertyTag, PropertyType, PropertyValue, Restriction, RestrictionKind,
    RuleActions,
};

const ROP: CountWidth = CountWidth::RopBuffer;
const WIDE: CountWidth = CountWidth::Extended;
/// PidTagSubject, PtypString.
const SUBJECT: PropertyTag = PropertyTag(0x0037_001F);
/// PidTagMessageFlags, PtypInteger32.
const FLAGS: PropertyTag = PropertyTag(0x0E07_0003);
/// PidTagMessageSize, PtypInteger32.
const SIZE: PropertyTag = PropertyTag(0x0E08_0003);

const EXIST: &[u8] = b"\x08\x1F\x00\x37\x00";
const BIT_MASK: &[u8] = b"\x06\x01\x03\x00\x07\x0E\x01\x00\x00\x00";
const CONTENT: &[u8] = b"\x03\x01\x00\x01\x00\x1F\x00\x37\x00\x1F\x00\x37\x00a\0b\0\0\0";
const PROPERTY: &[u8] = b"\x04\x02\x03\x00\x08\x0E\x03\x00\x08\x0E\x00\x10\x00\x00";

fn restriction(bytes: &[u8], width: CountWidth) -> Restriction<'_> {
    let mut r = Reader::new(bytes);
    let restriction = Restriction::decode(&mut r, width).unwrap();
    assert!(r.is_empty());
    restriction
}

fn kind(bytes: &[u8]) -> RestrictionKind<'_> {
    restriction(bytes, ROP).kind().unwrap()
}

#[test]
fn each_kind_without_another_inside() {
    assert_eq!(kind(EXIST), RestrictionKind::Exist { property_tag: SUBJECT });
    assert_eq!(kind(BIT_MASK), RestrictionKind::BitMask { bitmap_rel_op: 1, property_tag: FLAGS, mask: 1 });
    assert_eq!(
        kind(b"\x07\x03\x1F\x00\x37\x00\x20\x00\x00\x00"),
        RestrictionKind::Size { rel_op: 3, property_tag: SUBJECT, size: 32 }
    );
    assert_eq!(
        kind(b"\x05\x04\x03\x00\x07\x0E\x03\x00\x08\x0E"),
        RestrictionKind::CompareProperties { rel_op: 4, property_tag_1: FLAGS, property_tag_2: SIZE }
    );
    assert_eq!(
        kind(PROPERTY),
        RestrictionKind::Property {
            rel_op: 2,
            property_tag: SIZE,
            tagged_value: (SIZE, PropertyValue::Integer32(4096))
        }
    );
    let RestrictionKind::Content { fuzzy_level_low: 1, fuzzy_level_high: 1, property_tag, tagged_value } =
        kind(CONTENT)
    else {
        panic!("{:?}", kind(CONTENT))
    };
    assert_eq!((property_tag, tagged_value.0), (SUBJECT, SUBJECT));
    assert!(matches!(tagged_value.1, PropertyValue::String(text) if text == *"ab"));
}

#[test]
fn kinds_with_others_inside() {
    let both = [b"\x00\x02\x00", EXIST, BIT_MASK].concat();
    let RestrictionKind::And(all) = kind(&both) else { panic!("{:?}", kind(&both)) };
    let inner: Vec<_> = all.iter().map(|restriction| restriction.as_bytes()).collect();
    assert_eq!((all.len(), &inner[..]), (2, &[EXIST, BIT_MASK][..]));

    let none = b"\x01\x00\x00";
    assert!(matches!(kind(none), RestrictionKind::Or(any) if any.is_empty() && any.iter().count() == 0));

    for (head, name) in
        [(&b"\x02"[..], "not"), (b"\x09\x0D\x00\x12\x0E", "sub-object"), (b"\x0B\x05\x00\x00\x00", "count")]
    {
        let bytes = [head, PROPERTY].concat();
        let inner = match kind(&bytes) {
            RestrictionKind::Not(inner) => ("not", inner),
            RestrictionKind::SubObject { subobject: PropertyTag(0x0E12_000D), restriction } => {
                ("sub-object", restriction)
            }
            RestrictionKind::Count { count: 5, restriction } => ("count", restriction),
            other => panic!("{other:?}"),
        };
        assert_eq!(inner, (name, restriction(PROPERTY, ROP)));
    }

    let tagged = b"\x03\x00\x07\x0E\x07\x00\x00\x00";
    let with = [&b"\x0A\x01"[..], tagged, b"\x01", EXIST].concat();
    let without = [&b"\x0A\x02"[..], tagged, tagged, b"\x00"].concat();
    let expected = RestrictionKind::Comment { tagged_values_count: 1, restriction: Some(restriction(EXIST, ROP)) };
    assert_eq!(kind(&with), expected);
    assert_eq!(kind(&without), RestrictionKind::Comment { tagged_values_count: 2, restriction: None });
}

/// Every kind, made and read again: the bytes are those of the tests above, with two more heads.
#[test]
fn every_kind_is_written() {
    use NewRestriction as N;
    use RestrictionKind as K;
    let text = oxwire_core::utf16_le_bytes("ab");
    let text = PropertyValue::String(oxwire_core::Utf16::new(&text).unwrap());
    let exist = N::Kind(K::Exist { property_tag: SUBJECT });
    let bits = N::Kind(K::BitMask { bitmap_rel_op: 1, property_tag: FLAGS, mask: 1 });
    let large =
        N::Kind(K::Property { rel_op: 2, property_tag: SIZE, tagged_value: (SIZE, PropertyValue::Integer32(4096)) });
    let content = N::Kind(K::Content {
        fuzzy_level_low: 1,
        fuzzy_level_high: 1,
        property_tag: SUBJECT,
        tagged_value: (SUBJECT, text),
    });
    let flags = (FLAGS, PropertyValue::Integer32(7));
    let tagged = &b"\x03\x00\x07\x0E\x07\x00\x00\x00"[..];
    let recipients = PropertyTag(0x0E12_000D);
    let read = restriction(PROPERTY, ROP);
    let cases: [(N<'_>, Vec<u8>); 14] = [
        (exist, EXIST.to_vec()),
        (bits, BIT_MASK.to_vec()),
        (large, PROPERTY.to_vec()),
        (content, CONTENT.to_vec()),
        (N::Read(read), PROPERTY.to_vec()),
        (
            N::Kind(K::Size { rel_op: 3, property_tag: SUBJECT, size: 32 }),
            b"\x07\x03\x1F\x00\x37\x00\x20\x00\x00\x00".to_vec(),
        ),
        (
            N::Kind(K::CompareProperties { rel_op: 4, property_tag_1: FLAGS, property_tag_2: SIZE }),
            b"\x05\x04\x03\x00\x07\x0E\x03\x00\x08\x0E".to_vec(),
        ),
        (N::And(&[exist, bits]), [b"\x00\x02\x00", EXIST, BIT_MASK].concat()),
        (N::Or(&[]), b"\x01\x00\x00".to_vec()),
        (N::Not(&large), [b"\x02", PROPERTY].concat()),
        (N::SubObject { subobject: recipients, restriction: &large }, [b"\x09\x0D\x00\x12\x0E", PROPERTY].concat()),
        (N::Count { count: 5, restriction: &large }, [b"\x0B\x05\x00\x00\x00", PROPERTY].concat()),
        (
            N::Comment { tagged_values: &[flags], restriction: Some(&exist) },
            [&b"\x0A\x01"[..], tagged, b"\x01", EXIST].concat(),
        ),
        (
            N::Comment { tagged_values: &[flags, flags], restriction: None },
            [&b"\x0A\x02"[..], tagged, tagged, b"\x00"].concat(),
        ),
    ];
    for (new, bytes) in cases {
        assert_eq!(new.to_bytes(ROP).unwrap(), bytes, "{new:?}");
        assert_eq!(restriction(&bytes, ROP).as_bytes(), bytes);
    }
    // The address book: counts of 32 bits, Outlook's byte before the value, HasValue before the text.
    let wide = N::And(&[content]).to_bytes(CountWidth::AddressBook).unwrap();
    let expected = b"\x00\x01\x00\x00\x00\x03\x01\x00\x01\x00\x1F\x00\x37\x00\xFF\x1F\x00\x37\x00\xFFa\0b\0\0\0";
    assert_eq!(wide, &expected[..]);
    assert_eq!(restriction(&wide, CountWidth::AddressBook).as_bytes(), wide);
}

#[test]
fn what_no_reader_would_take_is_not_written() {
    use NewRestriction as N;
    use RestrictionKind as K;
    let wrong_type =
        N::Kind(K::Property { rel_op: 4, property_tag: SIZE, tagged_value: (SIZE, PropertyValue::Boolean(true)) });
    assert_eq!(wrong_type.to_bytes(ROP).unwrap_err().field, "TaggedValue");
    let flags = [(FLAGS, PropertyValue::Integer32(7)); 256];
    let many = N::Comment { tagged_values: &flags, restriction: None };
    assert_eq!(many.to_bytes(ROP).unwrap_err().field, "TaggedValuesCount");
    assert!(N::Read(restriction(EXIST, ROP)).to_bytes(WIDE).is_err(), "counts of another width");
    // As deep as a reader goes, and one deeper.
    fn deep(levels: usize, inner: &NewRestriction<'_>, then: &dyn Fn(&NewRestriction<'_>)) {
        if levels == 0 { then(inner) } else { deep(levels - 1, &N::Not(inner), then) }
    }
    let exist = N::Kind(K::Exist { property_tag: SUBJECT });
    deep(31, &exist, &|new| assert_eq!(restriction(&new.to_bytes(ROP).unwrap(), ROP).as_bytes().len(), 36));
    deep(32, &exist, &|new| assert_eq!(new.to_bytes(ROP).unwrap_err().field, "Restriction"));
}

/// [MS-OXCDATA] 2.12.1.2: RestrictCount has 32 bits where counts are wide. What was read is written where they are as wide.
#[test]
fn counts_of_both_widths() {
    let wide = [b"\x00\x01\x00\x00\x00", EXIST].concat();
    let RestrictionKind::And(all) = restriction(&wide, WIDE).kind().unwrap() else { panic!("no And") };
    assert_eq!(all.iter().next().unwrap().as_bytes(), EXIST);
    let value = PropertyValue::decode(&mut Reader::new(&wide), PropertyType::RESTRICTION, WIDE).unwrap();
    let mut out = BytesMut::new();
    value.encode(&mut Writer::new(&mut out), WIDE).unwrap();
    assert_eq!((&out[..], value.encoded_len(WIDE)), (&wide[..], wide.len()));
    assert!(value.encode(&mut Writer::new(&mut out), ROP).is_err());
}

#[test]
fn damage_says_where() {
    let error = |bytes: &[u8]| Restriction::decode(&mut Reader::new(bytes), ROP).unwrap_err();
    assert_eq!((error(b"\x0C").field, error(b"\x0C").offset), ("RestrictType", 0));
    assert_eq!(error(b"\x02\x02\xFF").offset, 2);
    assert_eq!(error(b"\x00\xFF\xFF\x08").field, "RestrictCount");
    for whole in [EXIST, BIT_MASK, CONTENT, PROPERTY] {
        for cut in 0..whole.len() {
            assert!(Restriction::decode(&mut Reader::new(&whole[..cut]), ROP).is_err(), "{whole:02x?} cut at {cut}");
        }
    }
}

/// A restriction of nothing but Not is as deep as it is long: the limit ends it, not the stack. The limit also counts a restriction
/// that is the value inside another.
#[test]
fn nesting_is_bounded() {
    let deep = [2_u8; 100_000];
    let error = Restriction::decode(&mut Reader::new(&deep), ROP).unwrap_err();
    assert!(matches!(error.kind, DecodeErrorKind::Limit { limit: "depth", allowed: 32, .. }), "{error}");
    let limits = Limits::DEFAULT.with_depth(2);
    // Property whose value is a PtypRestriction.
    let inside = [&b"\x04\x04\xFD\x00\x01\x00\xFD\x00\x01\x00"[..], EXIST].concat();
    assert!(Restriction::decode(&mut Reader::with_limits(&inside, &limits), ROP).is_ok());
    let twice = [b"\x02", &inside[..]].concat();
    assert!(Restriction::decode(&mut Reader::with_limits(&twice, &limits), ROP).is_err());
}

/// What a caller's limits let through comes out whole, also where the default ones would not have.
#[test]
fn a_deeper_limit_holds_for_what_is_inside() {
    let limits = Limits::DEFAULT.with_depth(200);
    let deep = [&[2; 100][..], EXIST].concat();
    let both = [b"\x00\x02\x00", &deep[..], EXIST].concat();
    let restriction = Restriction::decode(&mut Reader::with_limits(&both, &limits), ROP).unwrap();
    let RestrictionKind::And(all) = restriction.kind().unwrap() else { panic!("no And") };
    let inner: Vec<_> = all.iter().map(|restriction| restriction.as_bytes()).collect();
    assert_eq!(inner, [&deep[..], EXIST]);
    assert!(all.iter().all(|inner| inner.kind().is_ok()));
}

/// [MS-OXORULE] 2.2.5: a delete (OP_DELETE, 0x0A) without data and a tag (OP_TAG, 0x09) with some.
#[test]
fn rule_actions() {
    let delete = b"\x0A\x00\x00\x00\x00\x00\x00\x00\x00";
    let tag = b"\x09\x01\x00\x00\x00\x02\x00\x00\x00data";
    let narrow = [&b"\x02\x00\x09\x00"[..], delete, b"\x0D\x00", tag].concat();
    let wide = [&b"\x02\x00\x00\x00\x09\x00\x00\x00"[..], delete, b"\x0D\x00\x00\x00", tag].concat();
    let expected = [
        ActionBlock { action_type: 0x0A, action_flavor: 0, action_flags: 0, action_data: b"" },
        ActionBlock { action_type: 0x09, action_flavor: 1, action_flags: 2, action_data: b"data" },
    ];
    for (bytes, width) in [(&narrow, ROP), (&wide, WIDE)] {
        let mut r = Reader::new(bytes);
        let value = PropertyValue::decode(&mut r, PropertyType::RULE_ACTION, width).unwrap();
        assert!(r.is_empty());
        let PropertyValue::RuleActions(actions) = value else { panic!("{value:?}") };
        assert_eq!((actions.len(), actions.iter().collect::<Vec<_>>()), (2, expected.to_vec()));
        let mut out = BytesMut::new();
        value.encode(&mut Writer::new(&mut out), width).unwrap();
        assert_eq!((&out[..], value.encoded_len(width)), (&bytes[..], bytes.len()));
        for cut in 0..bytes.len() {
            assert!(RuleActions::decode(&mut Reader::new(&bytes[..cut]), width).is_err(), "cut at {cut}");
        }
    }
    // An ActionLength too short for its block, and more actions than there are bytes.
    let error = RuleActions::decode(&mut Reader::new(b"\x01\x00\x08\x00\x0A\x00\x00\x00\x00\x00\x00\x00\x00\x00"), ROP)
        .unwrap_err();
    assert_eq!(error.field, "ActionFlags");
    assert_eq!(RuleActions::decode(&mut Reader::new(b"\xFF\xFF"), ROP).unwrap_err().field, "NoOfActions");
}
