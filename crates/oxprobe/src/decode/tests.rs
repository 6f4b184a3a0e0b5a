#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code; a failure here fails the test")]

use bytes::Bytes;

use super::input::bytes_of;
use super::{Kind, decode};

fn tree(bytes: &[u8], kind: Option<Kind>) -> (String, bool) {
    let kind = kind.or_else(|| Kind::guess(bytes)).unwrap();
    decode(&Bytes::copy_from_slice(bytes), kind, "a guess")
}

/// An Execute request with RopRelease, its RPC_HEADER_EXT and an AUX_EXORGINFO block obfuscated.
fn execute_request() -> Vec<u8> {
    let rops = [5, 0, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF];
    let aux = [8, 0, 1, 0x17, 1, 0, 0, 0].map(|byte: u8| byte ^ 0xA5);
    [
        &[3, 0, 0, 0, 17, 0, 0, 0, 0, 0, 4, 0, 9, 0, 9, 0][..],
        &rops,
        &[7, 0x80, 0, 0, 16, 0, 0, 0, 0, 0, 6, 0, 8, 0, 8, 0],
        &aux,
    ]
    .concat()
}

#[test]
fn hexadecimal_text_in_the_forms_that_tools_write() {
    let bytes =
        vec![0x00, 0x01, 0x41, 0xFF, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0];
    for text in [
        "00 01 41 ff 10 20 30 40 50 60 70 80 90 a0 b0 c0 d0",
        "000141FF102030405060708090A0B0C0D0",
        "0x00, 0x01, 0x41, 0xff, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0",
        "# a comment\n00:01:41:ff:10:20:30:40 ; another\n50-60-70-80 90a0b0c0 d0\n",
        // xxd, hexdump -C, Wireshark
        "00000000: 0001 41ff 1020 3040 5060 7080 90a0 b0c0  ..A.. 0@P`p.....\n00000010: d0                                       .\n",
        "00000000  00 01 41 ff 10 20 30 40  50 60 70 80 90 a0 b0 c0  |..A.. 0@P`p.....|\n00000010  d0                                                |.|\n",
        "0000  00 01 41 ff 10 20 30 40 50 60 70 80 90 a0 b0 c0   ..A.. 0@P`p.....\n0010  d0                                                .\n",
    ] {
        assert_eq!(bytes_of(text.as_bytes().to_vec()).as_ref(), Ok(&bytes), "{text}");
    }
    assert!(bytes_of(b"123".to_vec()).is_err());
    for binary in [&b"\x05\x00\x14\x03"[..], b"", b"DONE\r\n\r\n"] {
        assert_eq!(bytes_of(binary.to_vec()).as_deref(), Ok(binary));
    }
}

#[test]
fn an_execute_request_is_guessed_and_shown_to_its_blocks() {
    let body = execute_request();
    let (text, whole) = tree(&body, None);
    assert!(whole, "{text}");
    for line in [
        "00000000  execute-request (a guess): 49 bytes",
        "00000008    RopBuffer: 17 bytes  [MS-OXCMAPIHTTP] 2.2.4.2",
        "00000008      RPC_HEADER_EXT: RpcHeaderFlags(LAST), Size 9, SizeActual 9  [MS-OXCRPC] 2.2.2.1",
        "RopRelease  [MS-OXCROPS] 2.2",
        "[0] 0xffffffff",
        "RpcHeaderFlags(XOR_MAGIC | LAST)",
        "AUX_EXORGINFO  [MS-OXCRPC] 2.2.2.2",
        "PUBLIC_FOLDERS_ENABLED",
    ] {
        assert!(text.contains(line), "{line:?} is missing:\n{text}");
    }
}

/// An error names its place and shows the bytes around it.
#[test]
fn an_error_shows_the_bytes_around_its_place() {
    let mut body = execute_request();
    body[16] = 1;
    let (text, whole) = tree(&body, Kind::parse("execute-request"));
    assert!(!whole);
    assert!(text.contains("ERROR ") && text.contains("RopSize"), "{text}");
    assert!(text.contains("00000000            >01 00 01 00 00 ff ff ff ff"), "{text}");
    // Cut off: the place is the end.
    let (text, whole) = tree(&body[..20], Kind::parse("execute-request"));
    assert!(!whole && text.contains("RopBuffer at offset 8"), "{text}");
}

#[test]
fn every_kind_of_buffer_is_guessed() {
    let chain = [0, 0, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 4, 0, 2, 0, 2, 0, 2, 0];
    let aux = [0, 0, 4, 0, 8, 0, 8, 0, 8, 0, 1, 0x17, 1, 0, 0, 0];
    // CONN/A3 of [MS-RPCH] 2.2.4.4: 28 bytes, one ConnectionTimeout command; and a PDU of a PTYPE that is none.
    let rts = [5, 0, 20, 3, 0x10, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0xC0, 0xD4, 1, 0];
    for (bytes, name, expected) in [
        (&chain[..], "extended", "RPC_HEADER_EXT: RpcHeaderFlags(0x0)"),
        (&aux, "aux", "AUX_EXORGINFO"),
        (&rts, "rpc", "CONN/A3"),
        (&[5, 0, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], "rop-request", "RopRelease"),
        (b"PROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\n\r\n\0\0\0\0", "response", "header X-ResponseCode"),
    ] {
        let (text, whole) = tree(bytes, None);
        assert!(text.contains(name) && text.contains(expected) && whole, "{name}:\n{text}");
    }
    assert_eq!(Kind::guess(b"nothing known"), None);
    assert_eq!(Kind::parse("nonsense"), None);
    for name in Kind::names().split(", ") {
        let kind = Kind::parse(name).unwrap();
        // Whatever the bytes are, there is a tree.
        for len in 0..rts.len() {
            let (text, _) = tree(&rts[..len], Some(kind));
            assert!(text.starts_with("00000000  "), "{name}: {text}");
        }
    }
}

/// A compressed payload is restored, and its offsets are its own.
#[test]
fn a_compressed_payload_is_restored() {
    // [MS-XCA] 3.1: "abc" a hundred times; as ROPs that is an error, at the beginning of the payload.
    let packed = b"\xff\xff\xff\x1fabc\x17\0\x0f\xff\x26\x01";
    let chain = [&[0, 0, 5, 0, 13, 0, 0x2C, 1][..], packed].concat();
    let (text, whole) = tree(&chain, Kind::parse("extended"));
    assert!(!whole && text.contains("300 bytes, restored") && text.contains("61 62 63 61"), "{text}");
    // What does not decompress shows the stream.
    let broken = [&[0, 0, 5, 0, 13, 0, 0x2B, 1][..], packed].concat();
    let (text, _) = tree(&broken, Kind::parse("extended"));
    assert!(text.contains("DIRECT2 stream.length"), "{text}");
}

/// Text of a capture does not drive the terminal.
#[test]
fn control_characters_are_not_printed() {
    let body = [&b"/o=\x1b[31mx\0"[..], &[0; 20]].concat();
    let (text, _) = tree(&body, Kind::parse("connect-request"));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}
