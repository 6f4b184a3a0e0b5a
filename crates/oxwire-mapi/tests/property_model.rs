//! Named properties, entry ids, typed strings and recipient rows, [MS-OXCDATA] 2.2, 2.6, 2.8.3, 2.11.7. The bytes are put together
//! by hand from the sections.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests; a failure here fails the test")]

use bytes::BytesMut;
use oxwire_core::{
    Decode, DecodeErrorKind, Encode, Guid, Limits, Reader, Utf16, Writer, decode_all, encode_to_bytes, utf16_le_bytes,
};
use oxwire_mapi::property::{
    AddressBookType, Cell, CountWidth, EntryId, LongTermId, OneOffFlags, PropertyName, PropertyNameKind, PropertyRow,
    PropertyTag, PropertyTags, PropertyValue, RecipientAddress, RecipientFlags, RecipientRow, StoreObjectType, Text,
    TypedString,
};
use proptest::prelude::*;

const GUID: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// Reads as the value, is written as the bytes, is an error when cut, and no flip of a byte breaks anything.
fn same<'a, T: Decode<'a> + Encode + PartialEq + std::fmt::Debug>(wire: &'a [u8], value: &T) {
    assert_eq!(&decode_all::<T>(wire, &Limits::DEFAULT).unwrap(), value);
    assert_eq!(encode_to_bytes(value).as_deref(), Ok(wire));
    assert_eq!(value.encoded_len(), wire.len());
}

fn wide(text: &str) -> Vec<u8> {
    [&utf16_le_bytes(text)[..], &[0, 0]].concat()
}

#[test]
fn property_names_of_each_kind() {
    let guid = Guid::from_wire(GUID);
    let lid = [&[0][..], &GUID, &[0x02, 0x85, 0, 0]].concat();
    same(&lid, &PropertyName { guid, kind: PropertyNameKind::Lid(0x8502) });
    let text = utf16_le_bytes("Keywords");
    // NameSize counts the NUL: 2 * (8 + 1).
    let name = [&[1][..], &GUID, &[18], &wide("Keywords")].concat();
    let value = PropertyName { guid, kind: PropertyNameKind::Name(Utf16::new(&text).unwrap()) };
    same(&name, &value);
    let unnamed = [&[0xFF][..], &GUID].concat();
    same(&unnamed, &PropertyName { guid, kind: PropertyNameKind::Unnamed });
    // Without its NUL it is the same name.
    let bare = [&[1][..], &GUID, &[16], &text].concat();
    assert_eq!(decode_all(&bare, &Limits::DEFAULT), Ok(value));
    for wire in [&lid, &name, &unnamed] {
        for len in 0..wire.len() {
            assert!(decode_all::<PropertyName<'_>>(&wire[..len], &Limits::DEFAULT).is_err());
        }
    }
    let error = decode_all::<PropertyName<'_>>(&[&[7][..], &GUID].concat(), &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.offset, error.field), (0, "Kind"));
    let error =
        decode_all::<PropertyName<'_>>(&[&[1][..], &GUID, &[3, 1, 2, 3]].concat(), &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.offset, error.field), (17, "NameSize"));
}

fn long_term(byte: u8) -> (Vec<u8>, LongTermId) {
    let id = LongTermId { database_guid: Guid::from_wire(GUID), global_counter: [0, 0, 0, 0, 1, byte] };
    ([&GUID[..], &[0, 0, 0, 0, 1, byte, 0, 0]].concat(), id)
}

#[test]
fn entry_ids_of_each_kind() {
    let provider_uid = [0xAB; 16];
    let ((folder_wire, folder), (message_wire, message)) = (long_term(2), long_term(3));
    same(&folder_wire, &folder);
    let wire = [&[0; 4][..], &provider_uid, &[1, 0], &folder_wire].concat();
    assert_eq!(wire.len(), 46);
    same(&wire, &EntryId::Folder { provider_uid, folder_type: StoreObjectType::PRIVATE_FOLDER, folder });
    let wire = [&[0; 4][..], &provider_uid, &[7, 0], &folder_wire, &message_wire].concat();
    assert_eq!(wire.len(), 70);
    same(&wire, &EntryId::Message { provider_uid, message_type: StoreObjectType::PRIVATE_MESSAGE, folder, message });

    let uid = [0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82];
    let wire = [&[0; 4][..], &uid, &[1, 0, 0, 0, 0, 1, 0, 0], b"/o=x/cn=ada\0"].concat();
    same(&wire, &EntryId::AddressBook { object_type: AddressBookType::CONTAINER, x500_dn: b"/o=x/cn=ada" });
    let wire = [&[0; 4][..], &uid, &[2, 0, 0, 0, 0, 1, 0, 0, 0]].concat();
    let error = decode_all::<EntryId<'_>>(&wire, &Limits::DEFAULT);
    assert_eq!(error.map_err(|error| (error.offset, error.field)), Err((20, "Version")));

    let uid = [0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02];
    // 01 90, as Outlook writes them: M, U and L.
    let texts = ["Ada", "SMTP", "ada@x.example"].map(utf16_le_bytes);
    let [name, kind, address] = texts.each_ref().map(|text| Text::Unicode(Utf16::new(text).unwrap()));
    let flags = OneOffFlags::NO_RICH_TEXT | OneOffFlags::UNICODE | OneOffFlags::NO_LOOKUP;
    let wire = [&[0; 4][..], &uid, &[0, 0, 0x01, 0x90], &wide("Ada"), &wide("SMTP"), &wide("ada@x.example")].concat();
    same(&wire, &EntryId::OneOff { flags, display_name: name, address_type: kind, email_address: address });
    let wire = [&[0; 4][..], &uid, &[0, 0, 0, 0], b"Ada\0SMTP\0a@b\0"].concat();
    let [display_name, address_type, email_address] = [&b"Ada"[..], b"SMTP", b"a@b"].map(Text::EightBit);
    same(&wire, &EntryId::OneOff { flags: OneOffFlags::NONE, display_name, address_type, email_address });
    let mixed = EntryId::OneOff { flags, display_name: name, address_type, email_address };
    assert!(encode_to_bytes(&mixed).is_err());

    let uid = [0x38, 0xA1, 0xBB, 0x10, 0x05, 0xE5, 0x10, 0x1A, 0xA1, 0xBB, 0x08, 0x00, 0x2B, 0x2A, 0x56, 0xC2];
    let head = [&[0; 4][..], &uid, &[0, 0], b"emsmdb.dll\0\0\0\0", &[0; 4], &provider_uid, &[12, 0, 0, 0]].concat();
    let store = |mailbox_dn, rest| EntryId::Store {
        wrapped_flags: 0,
        wrapped_provider_uid: provider_uid,
        wrapped_type: 12,
        server_shortname: b"MBX",
        mailbox_dn,
        rest,
    };
    same(&[&head[..], b"MBX\0"].concat(), &store(None, b""));
    same(&[&head[..], b"MBX\0/o=x\0"].concat(), &store(Some(b"/o=x"), b""));
    same(&[&head[..], b"MBX\0/o=x\0\x01\x02"].concat(), &store(Some(b"/o=x"), b"\x01\x02"));

    let wire = [&[0, 1, 0, 0][..], &provider_uid, b"whatever"].concat();
    same(&wire, &EntryId::Other { flags: 0x100, provider_uid, data: b"whatever" });
}

#[test]
fn typed_strings_of_each_type() {
    let text = utf16_le_bytes("Zü");
    for (wire, value) in [
        (vec![0], TypedString::Absent),
        (vec![1], TypedString::Empty),
        (b"\x02Re: \0".to_vec(), TypedString::EightBit(b"Re: ")),
        (b"\x03Inbox\0".to_vec(), TypedString::ReducedUnicode(b"Inbox")),
        ([&[4][..], &wide("Zü")].concat(), TypedString::Unicode(Utf16::new(&text).unwrap())),
    ] {
        assert_eq!(decode_all::<TypedString<'_>>(&wire, &Limits::DEFAULT), Ok(value));
        assert_eq!(encode_to_bytes(&value).as_deref(), Ok(&wire[..]));
        for len in 0..wire.len() {
            assert!(decode_all::<TypedString<'_>>(&wire[..len], &Limits::DEFAULT).is_err());
        }
    }
    assert!(decode_all::<TypedString<'_>>(&[5], &Limits::DEFAULT).is_err());
}

const COLUMNS: [PropertyTag; 2] = [PropertyTag::OBJECT_TYPE, PropertyTag::DISPLAY_TYPE];

fn recipient(wire: &[u8]) -> Result<(RecipientRow<'_>, usize), oxwire_core::DecodeError> {
    let mut r = Reader::new(wire);
    let row = RecipientRow::decode(&mut r, PropertyTags::new(&COLUMNS))?;
    Ok((row, r.left()))
}

/// RecipientFlags 51 06, as in the examples of [MS-OXCMSG] 4: S, D, Type X500DN; I and U.
#[test]
fn a_recipient_of_the_directory() {
    let wire = [&[0x51, 0x06, 0x5A, 0x00][..], b"ada\0", &wide("Ada Example"), &wide("Ada"), &[1, 0, 0, 6, 0, 0, 0, 9]]
        .concat();
    let (row, left) = recipient(&wire).unwrap();
    assert_eq!(left, 1, "what is behind the row is the next one's");
    assert_eq!(row.flags.address_type(), 1);
    let set = RecipientFlags::SAME_TRANSMITTABLE | RecipientFlags::DISPLAY_NAME;
    assert!(row.flags.contains(set | RecipientFlags::SIMPLE_DISPLAY_NAME | RecipientFlags::UNICODE));
    let address = RecipientAddress::X500Dn { address_prefix_used: 0x5A, display_type: 0, x500_dn: b"ada" };
    assert_eq!((row.address, row.email_address, row.transmittable_display_name), (address, None, None));
    assert_eq!(
        format!("{:?} {:?}", row.display_name.unwrap(), row.simple_display_name.unwrap()),
        r#""Ada Example" "Ada""#
    );
    let cells: Vec<_> = row.properties.cells().map(Result::unwrap).collect();
    assert_eq!(cells, [(PropertyTag::OBJECT_TYPE, Cell::Value(PropertyValue::Integer32(6)))]);
    for len in 0..wire.len() - 1 {
        assert!(recipient(&wire[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn recipients_of_other_types() {
    // SMTP (3), E and D and T, 8-bit.
    let wire = [&[0x3B, 0x00][..], b"a@b\0Ada\0A.\0", &[0, 0, 0]].concat();
    let (row, left) = recipient(&wire).unwrap();
    assert_eq!((row.address, left), (RecipientAddress::Other { address_type: None }, 0));
    let texts = [row.email_address, row.display_name, row.transmittable_display_name];
    assert_eq!(texts, [&b"a@b"[..], b"Ada", b"A."].map(|text| Some(Text::EightBit(text))));
    // No type, with AddressType.
    let wire = [&[0x00, 0x80][..], b"NOTES\0", &[0, 0, 0]].concat();
    assert_eq!(recipient(&wire).unwrap().0.address, RecipientAddress::Other { address_type: Some(b"NOTES") });
    // A personal distribution list.
    let wire = [&[0x06, 0x00, 2, 0, 7, 8, 1, 0, 9][..], &[0, 0, 0]].concat();
    let address = RecipientAddress::PersonalDistributionList { entry_id: &[7, 8], search_key: &[9] };
    assert_eq!(recipient(&wire).unwrap().0.address, address);
    // More columns than there are.
    let error = recipient(&[0x03, 0, 3, 0, 0]).unwrap_err();
    assert_eq!((error.offset, error.field), (2, "RecipientColumnCount"));
    assert!(matches!(error.kind, DecodeErrorKind::Value { found: 3, .. }));
}

fn written(row: &RecipientRow<'_>) -> Result<BytesMut, oxwire_core::EncodeError> {
    let mut out = BytesMut::new();
    row.encode(&mut Writer::new(&mut out))?;
    assert_eq!(row.encoded_len(), out.len());
    Ok(out)
}

/// The bytes of the rows above, and one that is made: SMTP (3), D and E, T and S not, 8-bit, no properties.
#[test]
fn recipients_are_written_as_they_are_read() {
    let ada =
        [&[0x51, 0x06, 0x5A, 0x00][..], b"ada\0", &wide("Ada Example"), &wide("Ada"), &[1, 0, 0, 6, 0, 0, 0]].concat();
    let in_error =
        [&[0x51, 0x06, 0x5A, 0x00][..], b"a\0", &wide("A"), &wide("B"), &[1, 0, 1, 0x0A, 0x0F, 1, 4, 0x80]].concat();
    let smtp = [&[0x3B, 0x00][..], b"a@b\0Ada\0A.\0", &[0, 0, 0]].concat();
    let typed = [&[0x00, 0x80][..], b"NOTES\0", &[0, 0, 0]].concat();
    let list = [&[0x07, 0x00, 2, 0, 7, 8, 1, 0, 9][..], &[0, 0, 0]].concat();
    for wire in [ada, in_error, smtp, typed, list] {
        assert_eq!(written(&recipient(&wire).unwrap().0).unwrap(), wire);
    }
    let made = RecipientRow {
        flags: RecipientFlags::from_bits(3) | RecipientFlags::DISPLAY_NAME | RecipientFlags::EMAIL_ADDRESS,
        address: RecipientAddress::Other { address_type: None },
        email_address: Some(Text::EightBit(b"a@b")),
        display_name: Some(Text::EightBit(b"Ada")),
        simple_display_name: None,
        transmittable_display_name: None,
        properties: PropertyRow::empty(),
    };
    assert_eq!(written(&made).unwrap(), b"\x1B\0a@b\0Ada\0\0\0\0"[..]);
}

/// A reader goes by the flags: what they do not say is not written.
#[test]
fn a_recipient_whose_flags_say_something_else_is_refused() {
    let wire = [&[0x3B, 0x00][..], b"a@b\0Ada\0A.\0", &[0, 0, 0]].concat();
    let (row, _) = recipient(&wire).unwrap();
    let unicode = utf16_le_bytes("Ada");
    let unicode = Text::Unicode(Utf16::from_truncated(&unicode));
    let x500 = RecipientAddress::X500Dn { address_prefix_used: 0, display_type: 0, x500_dn: b"ada" };
    let wrong = [
        RecipientRow { flags: row.flags | RecipientFlags::SIMPLE_DISPLAY_NAME, ..row.clone() },
        RecipientRow { flags: row.flags | RecipientFlags::UNICODE, ..row.clone() },
        RecipientRow { display_name: None, ..row.clone() },
        RecipientRow { display_name: Some(unicode), ..row.clone() },
        RecipientRow { address: x500, ..row.clone() },
        RecipientRow { address: RecipientAddress::Other { address_type: Some(b"SMTP") }, ..row.clone() },
        RecipientRow { flags: RecipientFlags::from_bits(0x80B8), ..row.clone() },
    ];
    for row in wrong {
        let error = written(&row).unwrap_err();
        assert_eq!(error.field, "RecipientFlags", "{row:?}");
    }
    let nul = written(&RecipientRow { display_name: Some(Text::EightBit(b"A\0")), ..row.clone() }).unwrap_err();
    assert_eq!(nul.field, "DisplayName");
    let book = PropertyRow::decode(&mut Reader::new(&[0]), PropertyTags::EMPTY, CountWidth::AddressBook).unwrap();
    assert_eq!(written(&RecipientRow { properties: book, ..row }).unwrap_err().field, "RecipientProperties");
}

proptest! {
    #[test]
    fn no_bytes_break_the_model(bytes in prop::collection::vec(any::<u8>(), 0..120), provider in 0_usize..4) {
        let uids = [
            [0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82],
            [0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02],
            [0x38, 0xA1, 0xBB, 0x10, 0x05, 0xE5, 0x10, 0x1A, 0xA1, 0xBB, 0x08, 0x00, 0x2B, 0x2A, 0x56, 0xC2],
            [0xAB; 16],
        ];
        let wire = [&[0; 4][..], &uids[provider], &bytes].concat();
        if let Ok(id) = decode_all::<EntryId<'_>>(&wire, &Limits::DEFAULT) {
            let again = encode_to_bytes(&id).unwrap();
            prop_assert_eq!(decode_all::<EntryId<'_>>(&again, &Limits::DEFAULT), Ok(id));
        }
        if let Ok(name) = decode_all::<PropertyName<'_>>(&bytes, &Limits::DEFAULT)
            && let Ok(again) = encode_to_bytes(&name)
        {
            prop_assert_eq!(decode_all::<PropertyName<'_>>(&again, &Limits::DEFAULT), Ok(name));
        }
        // A row that was read is written as it was.
        if let Ok((row, left)) = recipient(&bytes)
            && let Ok(again) = written(&row)
        {
            prop_assert_eq!(&again[..], &bytes[..bytes.len() - left]);
        }
    }
}
