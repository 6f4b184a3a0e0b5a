//! The example of [MS-EERR], damage, violations, and what is written read again.

use proptest::prelude::*;

use super::*;

/// The example of [MS-EERR] 3.1, its bytes put together by hand from 2.2.1.8, 5 and [MS-RPCE] 2.2.6; TimeStamp is a number of
/// this test's own.
fn example() -> (ExtendedError, Vec<u8>) {
    let key = r"\Software\Policies\Microsoft\Windows NT\Rpc\RestrictRemoteClients";
    let record = ErrorRecord {
        computer_name: None,
        process_id: 0x1234,
        time_stamp: FileTime::from_intervals(0x01D0_0000_0000_0001),
        generating_component: 0x49,
        status: 2,
        detection_location: 0x0BF0,
        flags: RecordFlags(0),
        params: vec![Param::UnicodeString(key.into())],
    };
    let units = u8::try_from(key.len() + 1).unwrap();
    let mut object = vec![0, 0, 2, 0]; // ExtendedErrorInfoPtr
    object.extend([1, 0, 0, 0]); // Params: 1 element
    object.extend([0, 0, 0, 0]); // Next
    object.extend([2, 0, 2, 0]); // ComputerName: eecnpNotPresent, and the discriminant
    object.extend([0x34, 0x12, 0, 0]); // ProcessID
    object.extend([0, 0, 0, 0]); // alignment of TimeStamp
    object.extend([1, 0, 0, 0, 0, 0, 0xD0, 0x01]);
    object.extend([0x49, 0, 0, 0]); // GeneratingComponent
    object.extend([2, 0, 0, 0]); // Status
    object.extend([0xF0, 0x0B, 0, 0]); // DetectionLocation, Flags
    object.extend([1, 0, 0, 0]); // nLen, alignment of Params
    object.extend([2, 0, 2, 0, 0, 0, 0, 0]); // eeptiUnicodeString, the discriminant, alignment of the arm
    object.extend([units, 0, 0, 0, 4, 0, 2, 0]); // nLength, alignment, pString
    object.extend([units, 0, 0, 0]); // its maximum count
    object.extend(key.encode_utf16().flat_map(u16::to_le_bytes));
    object.extend([0, 0]);
    object.resize(object.len().next_multiple_of(8), 0);
    let mut blob = vec![1, 0x10, 8, 0, 0xCC, 0xCC, 0xCC, 0xCC];
    blob.extend(u32::try_from(object.len()).unwrap().to_le_bytes());
    blob.extend([0; 4]);
    blob.extend(object);
    (ExtendedError { records: vec![record] }, blob)
}

#[test]
fn the_example_of_section_3_1() {
    let (error, blob) = example();
    assert_eq!(ExtendedError::from_bytes(&blob).unwrap(), error);
    assert_eq!(error.to_bytes().unwrap(), blob);
}

/// The filler of the headers is ignored on receipt.
#[test]
fn fillers_do_not_count() {
    let (error, mut blob) = example();
    blob[4..8].fill(0);
    blob[12..16].fill(7);
    assert_eq!(ExtendedError::from_bytes(&blob).unwrap(), error);
}

#[test]
fn damage_never_panics_and_a_cut_is_an_error() {
    let (_, blob) = example();
    for at in 0..blob.len() {
        assert!(ExtendedError::from_bytes(&blob[..at]).is_err());
        for bit in [1, 0x80, 0xFF] {
            let mut damaged = blob.clone();
            damaged[at] ^= bit;
            let _any = ExtendedError::from_bytes(&damaged);
        }
    }
    let mut longer = blob;
    longer.push(0);
    assert!(ExtendedError::from_bytes(&longer).is_err());
}

/// "Any violation of this specification MUST cause the entire decoding to fail."
#[test]
fn violations() {
    for (at, value, field) in [
        (0, 2, "Version"),
        (1, 1, "Endianness"),
        (2, 9, "CommonHeaderLength"),
        (20, 2, "nLen"),
        (28, 3, "ComputerName.Type"),
        (30, 1, "ComputerName.Type"),
        (60, 2, "nLen"),
        (64, 8, "Params.Type"),
        (66, 1, "Params.Type"),
        (73, 0x80, "UnicodeString"),
        (72, 1, "UnicodeString"),
    ] {
        let (_, mut blob) = example();
        blob[at] = value;
        let error = ExtendedError::from_bytes(&blob).unwrap_err();
        assert!(error.to_string().contains(field), "{at}: {error}");
    }
}

#[test]
fn sequences_are_bounded() {
    let records = |count| ExtendedError { records: vec![ErrorRecord::default(); count] };
    let most = records(32).to_bytes().unwrap();
    assert_eq!(ExtendedError::from_bytes(&most).unwrap().records.len(), 32);
    assert!(records(33).to_bytes().is_err());
    let tight = Limits::DEFAULT.with_depth(31);
    assert!(decode_all::<ExtendedError>(&most, &tight).is_err());
    assert_eq!(ExtendedError::from_bytes(&records(0).to_bytes().unwrap()).unwrap(), records(0));
    let record = ErrorRecord { params: vec![Param::None; 5], ..ErrorRecord::default() };
    assert!(ExtendedError { records: vec![record] }.to_bytes().is_err());
    let long = Param::UnicodeString(Text(vec![1; 32_767]));
    let record = ErrorRecord { params: vec![long], ..ErrorRecord::default() };
    assert!(ExtendedError { records: vec![record] }.to_bytes().is_err());
}

fn params() -> impl Strategy<Value = Vec<Param>> {
    let text = || prop::collection::vec(1..=u16::MAX, 0..20).prop_map(Text);
    let param = prop_oneof![
        prop::collection::vec(1..=u8::MAX, 0..20).prop_map(Param::AnsiString),
        text().prop_map(Param::UnicodeString),
        any::<i32>().prop_map(Param::Long),
        any::<i16>().prop_map(Param::Short),
        any::<i64>().prop_map(Param::Pointer),
        Just(Param::None),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Param::Binary),
    ];
    prop::collection::vec(param, 0..=4)
}

fn record() -> impl Strategy<Value = ErrorRecord> {
    let name = prop::option::of(prop::collection::vec(1..=u16::MAX, 0..20).prop_map(Text));
    (name, any::<[u32; 3]>(), any::<u64>(), any::<[u16; 2]>(), params()).prop_map(
        |(computer_name, [process_id, generating_component, status], time, [location, flags], params)| ErrorRecord {
            computer_name,
            process_id,
            time_stamp: FileTime::from_intervals(time),
            generating_component,
            status,
            detection_location: location,
            flags: RecordFlags(flags),
            params,
        },
    )
}

proptest! {
    #[test]
    fn round_trip(records in prop::collection::vec(record(), 0..5)) {
        let error = ExtendedError { records };
        prop_assert_eq!(ExtendedError::from_bytes(&error.to_bytes().unwrap()).unwrap(), error);
    }
}
