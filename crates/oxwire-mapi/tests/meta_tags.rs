//! Meta-tags and additional headers, row by row and quirk by quirk: [MS-OXCMAPIHTTP] 2.2.2.2, 2.2.7, 3.2.5.2.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use oxwire_core::{DecodeError, DecodeErrorKind, Encode, EncodeErrorKind, FileTime, Writer, encode_to_bytes};
use oxwire_mapi::mapihttp::{
    AdditionalHeader, AdditionalHeaders, DoneHead, ExecuteSuccess, MetaTag, RequestType, ResponseCode, ResponseLimits,
    ResponseParser, ResponsePart,
};
use proptest::prelude::*;

/// What a stream says, however it was cut.
#[derive(Debug, Default, Clone, PartialEq)]
struct Said {
    meta_tags: Vec<MetaTag>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    known: AdditionalHeaders,
    has_headers_end: bool,
    body: Vec<u8>,
}

/// Feeds `stream` cut at `cuts`, and holds the order of the parts.
#[cfg(test)]
fn read_cut(stream: &[u8], limits: ResponseLimits, cuts: &[usize]) -> Result<Said, DecodeError> {
    let mut parser = ResponseParser::new(limits);
    let mut said = Said::default();
    let mut from = 0;
    for to in cuts.iter().copied().chain([stream.len()]) {
        let mut chunk = Bytes::copy_from_slice(&stream[from..to]);
        from = to;
        while let Some(part) = parser.parse(&mut chunk)? {
            match part {
                ResponsePart::MetaTag(tag) => {
                    assert!(!said.meta_tags.contains(&MetaTag::Done), "a meta-tag behind DONE");
                    said.meta_tags.push(tag);
                    assert_eq!(parser.is_done(), tag == MetaTag::Done);
                }
                ResponsePart::Header(header) => {
                    assert!(said.meta_tags.contains(&MetaTag::Done) && !said.has_headers_end);
                    said.known.on_header(&header);
                    said.headers.push((header.name().to_vec(), header.value().to_vec()));
                }
                ResponsePart::HeadersEnd => {
                    assert!(!said.has_headers_end);
                    said.has_headers_end = true;
                }
                ResponsePart::Body(piece) => {
                    assert!(said.has_headers_end && !piece.is_empty());
                    said.body.extend_from_slice(&piece);
                }
            }
        }
        assert!(chunk.is_empty(), "None although input is left");
    }
    parser.finish().map(|()| said)
}

#[cfg(test)]
fn read(stream: &[u8]) -> Result<Said, DecodeError> {
    let whole = read_cut(stream, ResponseLimits::DEFAULT, &[]);
    let cuts: Vec<usize> = (1..stream.len()).collect();
    assert_eq!(read_cut(stream, ResponseLimits::DEFAULT, &cuts), whole, "byte by byte");
    whole
}

/// 4.2 of the specification, its placeholders filled in by hand.
const EXECUTE: &[u8] = b"PROCESSING\r\nPENDING\r\nPENDING\r\nDONE\r\nX-ResponseCode: 0\r\nX-ElapsedTime: 31234\r\n\
    X-StartTime: Fri, 08 Feb 2013 03:05:10 GMT\r\n\r\n\0\x01BODY\r\nDONE\r\n";

#[test]
fn r1130_r1134_r1135_r1136_three_meta_tags_and_what_each_says() {
    let said = read(EXECUTE).unwrap();
    assert_eq!(said.meta_tags, [MetaTag::Processing, MetaTag::Pending, MetaTag::Pending, MetaTag::Done]);
    assert_eq!(&MetaTag::Processing.to_bytes()[..], b"PROCESSING\r\n");
    assert_eq!(&MetaTag::Pending.to_bytes()[..], b"PENDING\r\n");
    assert_eq!(&MetaTag::Done.to_bytes()[..], b"DONE\r\n");
}

#[test]
fn r1131_a_meta_tag_is_at_the_beginning_of_the_response_body() {
    let error = read(b"X-ResponseCode: 0\r\n\r\nDONE\r\n").unwrap_err();
    assert_eq!((error.offset, error.field), (0, "META-TAGS"));
    assert_eq!(
        error.to_string(),
        "common response.META-TAGS at offset 0: expected a meta-tag: PROCESSING, PENDING or DONE \
         ([MS-OXCMAPIHTTP] 2.2.2.2, 2.2.7)"
    );
}

/// META-TAGS, ADDITIONAL HEADERS, a blank line, RESPONSE BODY: in one piece, and in pieces of every size.
#[test]
fn r41_r1345_the_common_response_chunked_or_not() {
    let whole = read_cut(EXECUTE, ResponseLimits::DEFAULT, &[]).unwrap();
    for size in 1..EXECUTE.len() {
        let cuts: Vec<usize> = (1..).map(|n| n * size).take_while(|cut| *cut < EXECUTE.len()).collect();
        assert_eq!(read_cut(EXECUTE, ResponseLimits::DEFAULT, &cuts).as_ref(), Ok(&whole), "pieces of {size}");
    }
    assert_eq!(whole.headers.len(), 3);
    assert_eq!(whole.headers[1], (b"X-ElapsedTime".to_vec(), b"31234".to_vec()));
}

#[test]
fn r1431_a_response_body_is_a_raw_blob() {
    let blob: Vec<u8> = (0..=255).chain(*b"\r\n\r\nDONE\r\nPENDING").collect();
    let stream = [b"DONE\r\n\r\n", &blob[..]].concat();
    assert_eq!(read(&stream).unwrap().body, blob);
}

#[test]
fn r1461_r2231_a_blank_line_separates_the_body() {
    let said = read(EXECUTE).unwrap();
    assert!(said.has_headers_end);
    assert_eq!(said.body, b"\0\x01BODY\r\nDONE\r\n");
    // Without it what follows is a header, and no body.
    let said = read(b"DONE\r\nX-ResponseCode: 0\r\n").unwrap();
    assert!(!said.has_headers_end && said.body.is_empty());
}

/// 3.2.5.2: DONE, then any additional headers. 2.2.3.3.9: milliseconds. 2.2.3.3.10: an HTTP date.
#[test]
fn r168_r169_r170_r171_r1244_r2228_what_is_emitted_behind_done() {
    let head = DoneHead {
        response_code: Some(ResponseCode::SUCCESS),
        elapsed_time: Duration::from_micros(31_234_999),
        // Fri, 08 Feb 2013 03:05:10 UTC is 1,360,292,710 s after 1970.
        start_time: FileTime::from_intervals(116_444_736_000_000_000 + 1_360_292_710 * 10_000_000),
        content_type: None,
        further: &[],
    };
    let emitted = encode_to_bytes(&head).unwrap();
    assert_eq!(
        &emitted[..],
        b"DONE\r\nX-ResponseCode: 0\r\nX-ElapsedTime: 31234\r\nX-StartTime: Fri, 08 Feb 2013 03:05:10 GMT\r\n\r\n"
    );
    assert_eq!(head.encoded_len(), emitted.len());
    let known = read(&emitted).unwrap().known;
    assert_eq!(known.elapsed_time_number(), Some(31_234));
    assert_eq!(known.start_time.as_deref(), Some(&b"Fri, 08 Feb 2013 03:05:10 GMT"[..]));
}

#[test]
fn r2229_r2230_the_inner_response_code_overrides_the_outer() {
    let said = read(b"PROCESSING\r\nDONE\r\nX-ResponseCode: 10\r\n\r\n").unwrap();
    assert_eq!(said.known.effective_response_code(ResponseCode::SUCCESS), ResponseCode::CONTEXT_NOT_FOUND);
    let said = read(b"PROCESSING\r\nDONE\r\nX-ElapsedTime: 1\r\n\r\n").unwrap();
    assert_eq!(said.known.effective_response_code(ResponseCode::SUCCESS), ResponseCode::SUCCESS);
    // In any letter case, and the last one of several.
    let said = read(b"DONE\r\nx-responsecode: 10\r\nX-RESPONSECODE:\t4 \r\n\r\n").unwrap();
    assert_eq!(said.known.effective_response_code(ResponseCode::SUCCESS), ResponseCode::INVALID_HEADER);
}

#[test]
fn r2232_a_failure_behind_done_has_no_body_or_one_of_the_content_type_named() {
    let head = DoneHead {
        response_code: Some(ResponseCode::UNKNOWN_FAILURE),
        elapsed_time: Duration::ZERO,
        start_time: FileTime::from_intervals(0),
        content_type: Some("text/html"),
        further: &[("X-DiagInfo", "a b")],
    };
    let mut stream = encode_to_bytes(&head).unwrap().to_vec();
    assert!(read(&stream).unwrap().body.is_empty());
    stream.extend_from_slice(b"<html>why</html>");
    let said = read(&stream).unwrap();
    assert_eq!(said.known.content_type.as_deref(), Some(&b"text/html"[..]));
    assert_eq!(said.known.effective_response_code(ResponseCode::SUCCESS), ResponseCode::UNKNOWN_FAILURE);
    assert_eq!(said.body, b"<html>why</html>");
    assert!(said.headers.contains(&(b"X-DiagInfo".to_vec(), b"a b".to_vec())));
}

#[test]
fn r1249_a_ping_response_has_meta_tags_and_no_body() {
    let said = read(b"PROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\n\r\n").unwrap();
    assert_eq!(said.meta_tags, [MetaTag::Processing, MetaTag::Done]);
    assert!(said.body.is_empty());
}

/// 2.2.3.3.3: reserved, and ignored by the client.
#[test]
fn r150_code_14_is_ignored() {
    let said = read(b"DONE\r\nX-ResponseCode: 14\r\n\r\n").unwrap();
    assert_eq!(said.known.effective_response_code(ResponseCode::SUCCESS), ResponseCode::SUCCESS);
    assert_eq!(said.known.response_code.as_deref(), Some(&b"14"[..]));
    assert!(ResponseCode::RESERVED.is_reserved());
}

#[test]
fn r54_r132_the_response_code_is_a_number() {
    for (text, code) in [("0", 0), (" 10\t", 10), ("018", 18), ("19", 19), ("4294967295", u32::MAX)] {
        assert_eq!(ResponseCode::parse(text.as_bytes()), Ok(ResponseCode::new(code)), "{text}");
    }
    for text in ["", " ", "-1", "+1", "0x1", "1 2", "4294967296", "18446744073709551616", "zehn", "１"] {
        assert!(ResponseCode::parse(text.as_bytes()).is_err(), "{text}");
    }
}

/// The number and the name that 2.2.3.3.3 gives each code.
#[test]
fn response_codes() {
    let table: [(&str, ResponseCode, u32, &str); 19] = [
        ("R55 R133 R136", ResponseCode::SUCCESS, 0, "Success"),
        ("R137", ResponseCode::UNKNOWN_FAILURE, 1, "Unknown Failure"),
        ("R138", ResponseCode::INVALID_VERB, 2, "Invalid Verb"),
        ("R139", ResponseCode::INVALID_PATH, 3, "Invalid Path"),
        ("R140", ResponseCode::INVALID_HEADER, 4, "Invalid Header"),
        ("R141", ResponseCode::INVALID_REQUEST_TYPE, 5, "Invalid Request Type"),
        ("R142", ResponseCode::INVALID_CONTEXT_COOKIE, 6, "Invalid Context Cookie"),
        ("R143", ResponseCode::MISSING_HEADER, 7, "Missing Header"),
        ("R144", ResponseCode::ANONYMOUS_NOT_ALLOWED, 8, "Anonymous Not Allowed"),
        ("R145", ResponseCode::TOO_LARGE, 9, "Too Large"),
        ("R146", ResponseCode::CONTEXT_NOT_FOUND, 10, "Context Not Found"),
        ("R147", ResponseCode::NO_PRIVILEGE, 11, "No Privilege"),
        ("R148", ResponseCode::INVALID_REQUEST_BODY, 12, "Invalid Request Body"),
        ("R149", ResponseCode::MISSING_COOKIE, 13, "Missing Cookie"),
        ("R150", ResponseCode::RESERVED, 14, "Reserved"),
        ("R151", ResponseCode::INVALID_SEQUENCE, 15, "Invalid Sequence"),
        ("R152", ResponseCode::ENDPOINT_DISABLED, 16, "Endpoint Disabled"),
        ("R153", ResponseCode::INVALID_RESPONSE, 17, "Invalid Response"),
        ("R154", ResponseCode::ENDPOINT_SHUTTING_DOWN, 18, "Endpoint Shutting Down"),
    ];
    for (rows, code, number, name) in table {
        assert_eq!((code.number(), code.name()), (number, Some(name)), "{rows}");
        assert_eq!(code.to_string(), format!("{number} ({name})"), "{rows}");
        assert_eq!(code.is_success(), number == 0, "{rows}");
    }
    assert_eq!(ResponseCode::ALL.len(), table.len());
    assert_eq!(ResponseCode::new(19).name(), None);
    assert_eq!(ResponseCode::new(1000).to_string(), "1000");
}

/// The spelling of each value, 2.2.3.3.1, and the endpoint that has it.
#[test]
fn r176_r1127_request_types() {
    let mailbox = ["Connect", "Execute", "Disconnect", "NotificationWait", "PING"];
    let address_book = [
        "PING",
        "Bind",
        "Unbind",
        "CompareMIds",
        "DNToMId",
        "GetMatches",
        "GetPropList",
        "GetProps",
        "GetSpecialTable",
        "GetTemplateInfo",
        "ModLinkAtt",
        "ModProps",
        "QueryColumns",
        "QueryRows",
        "ResolveNames",
        "ResortRestriction",
        "SeekEntries",
        "UpdateStat",
        "GetMailboxUrl",
        "GetAddressBookUrl",
    ];
    let spelled = |of: fn(RequestType) -> bool| -> Vec<&str> {
        RequestType::ALL.iter().filter(|known| of(**known)).map(|known| known.as_str()).collect()
    };
    assert_eq!(spelled(RequestType::is_mailbox), mailbox);
    assert_eq!(spelled(RequestType::is_address_book), address_book);
    for known in RequestType::ALL {
        assert_eq!(RequestType::parse(known.as_str().as_bytes()), Ok(*known));
    }
}

#[test]
fn gromox_sends_request_types_in_lower_case() {
    assert_eq!(RequestType::parse(b"queryrows"), Ok(RequestType::QueryRows));
    assert_eq!(RequestType::parse(b" notificationwait "), Ok(RequestType::NotificationWait));
}

#[test]
fn an_unknown_request_type_is_kept() {
    let unknown = RequestType::parse(b"Backup\xFF").unwrap_err();
    assert_eq!(unknown.value, b"Backup\xFF");
    assert!(unknown.to_string().contains(r#""Backup\xff""#), "{unknown}");
}

#[test]
fn gromox_sends_pending_without_a_line_end_and_processing_twice() {
    let said = read(b"PROCESSING\r\nPENDINGPENDINGPROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\n\r\nx").unwrap();
    let (processing, pending, done) = (MetaTag::Processing, MetaTag::Pending, MetaTag::Done);
    assert_eq!(said.meta_tags, [processing, pending, pending, processing, done]);
    assert_eq!(said.body, b"x");
}

/// gromox writes X-StartTime first, X-ElapsedTime in seconds and with a fraction, and no X-ResponseCode.
#[test]
fn gromox_orders_its_additional_headers_otherwise() {
    let said = read(b"PROCESSING\r\nDONE\r\nX-StartTime: now\r\nX-ElapsedTime: 0.125\r\n\r\n").unwrap();
    assert_eq!(said.known.elapsed_time_number(), None);
    assert_eq!(said.known.elapsed_time.as_deref(), Some(&b"0.125"[..]));
    assert_eq!(said.known.effective_response_code(ResponseCode::new(7)), ResponseCode::new(7));
}

/// SE writes header names in lower case in places, and headers of its own.
#[test]
fn exchange_se_writes_names_in_lower_case() {
    let said = read(b"PROCESSING\r\nDONE\r\nx-elapsedtime: 12\r\nX-BEServer: EX01\r\n\r\n").unwrap();
    assert_eq!(said.known.elapsed_time_number(), Some(12));
    assert_eq!(said.headers[1], (b"X-BEServer".to_vec(), b"EX01".to_vec()));
}

#[test]
fn a_code_that_is_no_number_is_a_failure_and_its_text_is_kept() {
    let said = read(b"DONE\r\nX-ResponseCode: ten\r\n\r\n").unwrap();
    assert_eq!(said.known.effective_response_code(ResponseCode::SUCCESS), ResponseCode::UNKNOWN_FAILURE);
    assert_eq!(said.known.response_code.as_deref(), Some(&b"ten"[..]));
}

#[test]
fn lines_may_end_in_lf_alone_and_blank_lines_between_meta_tags_do_not_count() {
    let said = read(b"\r\nPROCESSING\n\n\r\nDONE\nX-ResponseCode: 3\n\nbody").unwrap();
    assert_eq!(said.known.effective_response_code(ResponseCode::SUCCESS), ResponseCode::INVALID_PATH);
    assert_eq!(said.body, b"body");
}

#[test]
fn what_is_no_meta_tag_is_refused_at_its_place() {
    for (stream, offset) in [
        (&b"PROCESSINGX"[..], 10),
        (b"PENDENT", 4),
        (b"PX", 1),
        (b"DENDING", 1),
        (b"processing\r\n", 0),
        (b"<html>", 0),
        (b"\0", 0),
        (b"PROCESSING\r\n HTTP/1.1", 12),
    ] {
        let error = read(stream).unwrap_err();
        assert_eq!((error.offset, error.field), (offset, "META-TAGS"), "{}", stream.escape_ascii());
    }
    let error = read(b"DONE and dusted\r\n").unwrap_err();
    assert_eq!((error.offset, error.kind), (4, DecodeErrorKind::Text { expected: "a line end" }));
}

#[test]
fn an_end_before_done_or_within_a_header_is_refused() {
    for stream in [&b""[..], b"PROCESSING\r\n", b"PROCESSING\r\nPEND", b"DON", b"DONE\r\nX-Resp", b"DONE\r\n\r"] {
        let error = read(stream).unwrap_err();
        assert_eq!(error.offset, stream.len(), "{}", stream.escape_ascii());
        assert!(matches!(error.kind, DecodeErrorKind::Eof { .. }), "{}", stream.escape_ascii());
    }
    for stream in [&b"DONE"[..], b"DONE\r", b"DONE\r\n", b"DONE\r\nA: b\r\n", b"DONE\r\n\r\n"] {
        assert!(read(stream).is_ok(), "{}", stream.escape_ascii());
    }
}

#[test]
fn a_header_line_without_a_colon_is_refused() {
    let error = read(b"DONE\r\nX-ResponseCode\r\n\r\n").unwrap_err();
    assert_eq!(error.field, "ADDITIONAL HEADERS");
    assert!(matches!(error.kind, DecodeErrorKind::Text { .. }), "{error}");
}

#[test]
fn limits_hold_and_are_named() {
    let limits = ResponseLimits::DEFAULT.with_line_bytes(16).with_headers(2).with_body_bytes(4);
    for (stream, limit) in [
        (&b"DONE\r\nA: 012345678901\r\n\r\n"[..], "line_bytes"),
        (b"DONE\r\nA: 01234567890123456789", "line_bytes"),
        (b"DONE\r\na:1\r\nb:2\r\nc:3\r\n\r\n", "headers"),
        (b"DONE\r\n\r\n12345", "body_bytes"),
    ] {
        let error = read_cut(stream, limits, &[]).unwrap_err();
        for size in 1..stream.len() {
            let cuts: Vec<usize> = (1..stream.len()).filter(|cut| cut % size == 0).collect();
            assert_eq!(read_cut(stream, limits, &cuts), Err(error));
            let is_limit = matches!(error.kind, DecodeErrorKind::Limit { limit: named, .. } if named == limit);
            assert!(is_limit, "{}: {error}", stream.escape_ascii());
        }
    }
    let fits = b"DONE\r\nA: 01234567890\r\nb:2\r\n\r\n1234";
    assert_eq!(read_cut(fits, limits, &[]).unwrap().body, b"1234");
}

#[test]
fn a_parser_that_failed_repeats_its_reason() {
    let mut parser = ResponseParser::default();
    let error = parser.parse(&mut Bytes::from_static(b"?")).unwrap_err();
    assert_eq!(parser.parse(&mut Bytes::from_static(b"DONE\r\n")), Err(error));
    assert_eq!(parser.finish(), Err(error));
    assert!(!parser.is_done());
}

/// Name and value as they were given out make the same header again.
#[test]
fn a_stored_header_is_the_header_that_was() {
    let mut chunk = Bytes::from_static(b"DONE\r\nX-BEServer:  EX01 \r\n");
    let mut parser = ResponseParser::default();
    parser.parse(&mut chunk).unwrap();
    let Some(ResponsePart::Header(header)) = parser.parse(&mut chunk).unwrap() else { panic!("no header") };
    assert_eq!((header.name(), header.value()), (&b"X-BEServer"[..], &b"EX01"[..]));
    assert_eq!(AdditionalHeader::new(header.name(), header.value()), header);
    assert_ne!(AdditionalHeader::new(b"X-BEServer", b"EX02"), header);
    assert_eq!(format!("{header:?}"), r#""X-BEServer: EX01""#);
}

/// What would end the line, and begin another header or the body, is not sent.
#[test]
fn a_header_that_would_split_the_response_is_not_sent() {
    let head = DoneHead {
        response_code: None,
        elapsed_time: Duration::ZERO,
        start_time: FileTime::from_intervals(0),
        content_type: None,
        further: &[],
    };
    let refuses = |head: DoneHead<'_>| {
        let mut out = BytesMut::new();
        let error = Writer::new(&mut out).structure(&head).unwrap_err();
        assert!(matches!(error.kind, EncodeErrorKind::Value { .. }), "{error}");
        assert!(out.is_empty());
    };
    refuses(DoneHead { content_type: Some("text/html\r\nX-ResponseCode: 0"), ..head });
    refuses(DoneHead { further: &[("X-Diag", "a\nb")], ..head });
    refuses(DoneHead { further: &[("X-Diag:", "a")], ..head });
    refuses(DoneHead { further: &[("X Diag", "a")], ..head });
    refuses(DoneHead { further: &[("", "a")], ..head });
    assert!(encode_to_bytes(&DoneHead { further: &[("X-Diag", "a b: c")], ..head }).is_ok());
}

/// Body pieces are slices of what came in, not copies.
#[test]
fn the_body_is_not_copied() {
    let chunk = Bytes::from_static(b"DONE\r\nX-ResponseCode: 0\r\n\r\nbody");
    let range = chunk.as_ptr_range();
    let (mut parser, mut rest) = (ResponseParser::default(), chunk.clone());
    let mut slices = 0;
    while let Some(part) = parser.parse(&mut rest).unwrap() {
        let inner = match &part {
            ResponsePart::Body(piece) => piece.as_ptr_range(),
            ResponsePart::Header(header) => header.value().as_ptr_range(),
            _ => continue,
        };
        assert!(range.contains(&inner.start) && inner.end <= range.end);
        slices += 1;
    }
    assert_eq!(slices, 2);
}

proptest! {
    #[test]
    fn any_cuts_say_the_same(
        // Chosen so that a case is often a response, and often nearly one.
        pieces in prop::collection::vec(prop::sample::select(&[
            "PROCESSING", "PENDING", "DONE", "\r\n", "\n", "P", "X-ResponseCode: 10", "A:", "body\0",
        ][..]), 0..24),
        limit in 1_usize..64,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let stream = pieces.concat().into_bytes();
        let limits = ResponseLimits::DEFAULT.with_line_bytes(limit).with_body_bytes(limit).with_headers(limit / 8);
        let whole = read_cut(&stream, limits, &[]);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(read_cut(&stream, limits, &cuts), whole);
    }
}

#[test]
fn no_mail_in_debug() {
    let part = ResponsePart::Body(Bytes::from_static(b"secret"));
    assert_eq!(format!("{part:?}"), "6 bytes of body");
    let success = ExecuteSuccess { error_code: 0, rop_buffer: b"secret", auxiliary_buffer: b"" };
    let shown = format!("{success:?}");
    assert_eq!(shown, "ExecuteSuccess { error_code: 0, rop_buffer: 6 bytes, auxiliary_buffer: 0 bytes }");
}

/// A keep-alive counts when it arrives, not when the next one does.
#[test]
fn a_meta_tag_is_reported_with_its_last_letter() {
    let mut parser = ResponseParser::default();
    let mut chunk = Bytes::from_static(b"PROCESSING\r\nPENDING");
    assert_eq!(parser.parse(&mut chunk), Ok(Some(ResponsePart::MetaTag(MetaTag::Processing))));
    assert_eq!(parser.parse(&mut chunk), Ok(Some(ResponsePart::MetaTag(MetaTag::Pending))));
    assert_eq!(parser.parse(&mut chunk), Ok(None));
}
