//! Documents that are not well formed, or not the document that was expected, and the error each gives: its place in the input, the
//! path of the open elements, and what is wrong. Written by hand from XML 1.0.
#![allow(clippy::expect_used, reason = "helpers of tests may fail")]

use oxwire_autodiscover::pox::{Request, Response, Schema};
use oxwire_autodiscover::xml::{Reader, Source, XmlErrorKind as Kind, XmlLimits};

/// Offset, path and kind of the error that a walk over the whole document gives.
fn error(bytes: &[u8], limits: XmlLimits) -> (usize, String, Kind) {
    let walk = || {
        let source = Source::new(bytes, limits)?;
        let mut reader = Reader::new(&source);
        reader.root()?;
        reader.skip()?;
        reader.finish()
    };
    let error = walk().expect_err(&String::from_utf8_lossy(bytes));
    (error.offset, error.path.as_str().to_owned(), error.kind)
}

fn markup(expected: &'static str) -> Kind {
    Kind::Markup { expected }
}

fn attribute(expected: &'static str) -> Kind {
    Kind::Attribute { expected }
}

const QUOTE: &str = "the closing quote of a value";
const DECLARATION: &str = "the XML declaration at the start of the document";

#[test]
fn not_well_formed() {
    let table: &[(&[u8], usize, &str, Kind)] = &[
        (b"", 0, "", Kind::NoElement),
        (b" \r\n\t", 4, "", Kind::NoElement),
        (b"<!-- only -->", 13, "", Kind::NoElement),
        (b"<?xml version='1.0'?>", 21, "", Kind::NoElement),
        (b"text<a/>", 0, "", markup("an element")),
        (b"&amp;<a/>", 0, "", markup("an element")),
        (b"<![CDATA[x]]><a/>", 0, "", markup("an element")),
        (b"</a>", 0, "", Kind::EndTag),
        (b" <?xml version='1.0'?><a/>", 1, "", markup(DECLARATION)),
        (b"<a><?xml version='1.0'?></a>", 3, "/a", markup(DECLARATION)),
        (b"<!DOCTYPE a><a/>", 0, "", Kind::Doctype),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", 0, "", Kind::Doctype),
        (b"<!DOCTYPE a SYSTEM 'http://example.com/a.dtd'><a/>", 0, "", Kind::Doctype),
        (b"<!doctype html><html></html>", 0, "", Kind::Doctype),
        (b"<!DOCTYPE", 0, "", Kind::Doctype),
        (b"<a><!DOCTYPE a></a>", 3, "/a", Kind::Doctype),
        (b"<a", 0, "", markup("`>` at the end of a tag")),
        (b"<a>", 3, "/a", Kind::Eof),
        (b"<a><b></b>", 10, "/a", Kind::Eof),
        (b"<a><b></a>", 6, "/a/b", Kind::EndTag),
        (b"<a></a", 3, "/a", markup("`>` at the end of a tag")),
        (b"<a></a b='c'>", 3, "/a", Kind::EndTag),
        (b"<a></A>", 3, "/a", Kind::EndTag),
        (b"<a/></a>", 4, "", Kind::EndTag),
        (b"<a/><b/>", 4, "", Kind::AfterRoot),
        (b"<a/>text", 4, "", Kind::AfterRoot),
        (b"<a/>&amp;", 4, "", Kind::AfterRoot),
        (b"<a/><!DOCTYPE a>", 4, "", Kind::AfterRoot),
        (b"<>x</>", 0, "", Kind::Name),
        (b"<1a/>", 0, "", Kind::Name),
        (b"< a/>", 0, "", Kind::Name),
        (b"<a:b:c/>", 0, "", Kind::Name),
        (b"<:a/>", 0, "", Kind::Name),
        (b"<a><-b/></a>", 3, "/a", Kind::Name),
        (b"<a!/>", 0, "", Kind::Name),
        (b"<a b/>", 4, "/a", attribute("`=` behind the name of an attribute")),
        (b"<a b=/>", 5, "/a", attribute("a value behind `=`")),
        (b"<a b=c/>", 5, "/a", attribute("quotes around the value of an attribute")),
        (b"<a b='c/>", 0, "", attribute(QUOTE)),
        (b"<a b=\"c/>", 0, "", attribute(QUOTE)),
        (b"<a b='1' b='2'/>", 9, "/a", attribute("each attribute once")),
        (b"<a 1b='1'/>", 1, "/a", attribute("a name in front of `=`")),
        (b"<a b='<'/>", 1, "/a", attribute("no `<` in the value of an attribute")),
        (b"<a b='&nbsp;'/>", 1, "/a", Kind::Entity),
        (b"<a b='&amp'/>", 1, "/a", Kind::Reference),
        (b"<a b='&#0;'/>", 1, "/a", Kind::Character { found: 0 }),
        (b"<a>&nbsp;</a>", 3, "/a", Kind::Entity),
        (b"<a>&AMP;</a>", 3, "/a", Kind::Entity),
        (b"<a>&amp</a>", 3, "/a", Kind::Reference),
        (b"<a>R&D</a>", 4, "/a", Kind::Reference),
        (b"<a>&#;</a>", 3, "/a", Kind::Reference),
        (b"<a>&#x;</a>", 3, "/a", Kind::Reference),
        (b"<a>&#X41;</a>", 3, "/a", Kind::Reference),
        (b"<a>&#+65;</a>", 3, "/a", Kind::Reference),
        (b"<a>&#99999999999;</a>", 3, "/a", Kind::Reference),
        (b"<a>&#xD800;</a>", 3, "/a", Kind::Character { found: 0xD800 }),
        (b"<a>&#x110000;</a>", 3, "/a", Kind::Character { found: 0x11_0000 }),
        (b"<a>&#1;</a>", 3, "/a", Kind::Character { found: 1 }),
        (b"<a>x\x01</a>", 4, "/a", Kind::Character { found: 1 }),
        (b"<a>\0</a>", 3, "/a", Kind::Character { found: 0 }),
        (b"<a><![CDATA[\x0B]]></a>", 3, "/a", Kind::Character { found: 0x0B }),
        ("<a>\u{FFFE}</a>".as_bytes(), 3, "/a", Kind::Character { found: 0xFFFE }),
        (b"<a>]]></a>", 3, "/a", markup("no `]]>` in text")),
        (b"<a><![CDATA[x</a>", 3, "/a", markup("`]]>` at the end of a CDATA section")),
        (b"<a><![cdata[x]]></a>", 3, "/a", markup("`]]>` at the end of a CDATA section")),
        (b"<a><!-- x</a>", 3, "/a", markup("`-->` at the end of a comment")),
        (b"<a><!-- x -- y --></a>", 10, "/a", markup("no `--` in a comment")),
        (b"<a><!x></a>", 3, "/a", markup("a comment or a CDATA section behind `<!`")),
        (b"<a><?x</a>", 3, "/a", markup("`?>` at the end of a processing instruction")),
        // Encodings.
        (b"<a>\xFF</a>", 3, "", Kind::NotInEncoding { encoding: "UTF-8" }),
        (b"\xEF\xBB\xBF<a>\xC3</a>", 6, "", Kind::NotInEncoding { encoding: "UTF-8" }),
        (b"\xFF\xFE<\0a\0/\0>", 8, "", Kind::NotInEncoding { encoding: "UTF-16" }),
        (b"\xFE\xFF\0<\xDC\x00\0/\0>", 4, "", Kind::NotInEncoding { encoding: "UTF-16" }),
        (b"\xFF\xFE\0\0<\0\0\0", 0, "", Kind::Encoding),
        (b"<\0\0\0a\0\0\0", 0, "", Kind::Encoding),
        (b"<?xml version='1.0' encoding='koi8-r'?><a/>", 30, "", Kind::Encoding),
        (b"\xEF\xBB\xBF\xEF\xBB\xBF<a/>", 3, "", Kind::Character { found: 0xFEFF }),
    ];
    for (bytes, offset, path, kind) in table {
        let found = error(bytes, XmlLimits::DEFAULT);
        // Where the tokenizer knows a closer place than the start of the markup, that is given.
        assert_eq!((found.1.as_str(), &found.2), (*path, kind), "{}", String::from_utf8_lossy(bytes));
        assert_eq!(found.0, *offset, "{}", String::from_utf8_lossy(bytes));
    }
    assert!(table.len() >= 40);
}

#[test]
fn beyond_the_limits() {
    let limits = XmlLimits::DEFAULT;
    let text = XmlLimits::DEFAULT.with_text(3);
    type Case = (&'static [u8], XmlLimits, usize, &'static str, &'static str, usize);
    let table: &[Case] = &[
        (b"<a></a>", limits.with_bytes(6), 6, "", "bytes", 6),
        // Latin letters of one byte each are two bytes of UTF-8.
        (b"<?xml version='1.0' encoding='latin1'?><a>\xE9</a>", limits.with_bytes(47), 47, "", "bytes", 47),
        (b"<a><b><c/></b></a>", limits.with_depth(2), 6, "/a/b", "depth", 2),
        (b"<a/>", limits.with_depth(0), 0, "", "depth", 0),
        (b"<a><b/><b/><b/></a>", limits.with_elements(3), 11, "/a", "elements", 3),
        (b"<a b='' c='' d=''/>", limits.with_attributes(2), 1, "/a", "attributes", 2),
        (b"<a>&lt;&lt;<b c='&gt;'/></a>", limits.with_references(2), 12, "/a/b", "references", 2),
        (b"<a b='1234'/>", text, 1, "/a", "text", 3),
    ];
    for (bytes, limits, offset, path, limit, allowed) in table {
        let kind = Kind::Limit { limit, allowed: *allowed };
        assert_eq!(error(bytes, *limits), (*offset, (*path).to_owned(), kind), "{}", String::from_utf8_lossy(bytes));
    }
    let source = Source::new(b"<a>1&#50;<![CDATA[3]]>4</a>", text).unwrap();
    let mut reader = Reader::new(&source);
    reader.root().unwrap();
    let error = reader.text().unwrap_err();
    assert_eq!((error.offset, error.kind), (22, Kind::Limit { limit: "text", allowed: 3 }));
}

/// Values are read in one step where nothing but text stands in them, and item by item elsewhere: the same values and errors both ways.
#[test]
fn values_in_one_step_or_by_items() {
    let read = |text: &str, limits| {
        let source = Source::new(text.as_bytes(), limits)?;
        let mut reader = Reader::new(&source);
        reader.root()?;
        let mut values = Vec::new();
        while reader.child()?.is_some() {
            values.push(reader.text()?.into_owned());
        }
        reader.finish().map(|()| values)
    };
    let limits = XmlLimits::DEFAULT.with_text(6);
    let good: &[(&str, &[&str])] = &[
        ("<a><b>x</b><c/><b> y\t</b><x:b>z</x:b></a>", &["x", "", "y", "z"]),
        ("<a><b>x</b ><b>]</b\n></a>", &["x", "]"]),
        ("<a><b>x<!-- </b> -->y</b><b></b></a>", &["xy", ""]),
        ("<a><b>&lt;x</b><b>x\r\ny</b><b>\u{FEFF}</b></a>", &["<x", "x\ny", "\u{FEFF}"]),
        ("<a><b>123456</b></a >", &["123456"]),
    ];
    for (text, values) in good {
        assert_eq!(
            read(text, limits).as_deref(),
            Ok(&values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>()[..]),
            "{text}"
        );
    }
    let too_long = Kind::Limit { limit: "text", allowed: 6 };
    let bad: &[(&str, usize, &str, Kind)] = &[
        ("<a><b>x</c></a>", 7, "/a/b", Kind::EndTag),
        ("<a><b>x</bc></a>", 7, "/a/b", Kind::EndTag),
        ("<a><bc>x</b></a>", 8, "/a/bc", Kind::EndTag),
        ("<a><x:b>x</b></a>", 9, "/a/x:b", Kind::EndTag),
        ("<a><b>x</B></a>", 7, "/a/b", Kind::EndTag),
        ("<a><b>x</b", 7, "/a/b", markup("`>` at the end of a tag")),
        ("<a><b>x", 7, "/a/b", Kind::Eof),
        ("<a><b>x</b></b>", 11, "/a", Kind::EndTag),
        ("<a><b>x</b>", 11, "/a", Kind::Eof),
        ("<a><b>x</b></a></a>", 15, "", Kind::EndTag),
        ("<a><b>x</b></a><b/>", 15, "", Kind::AfterRoot),
        ("<a><b>1234567</b></a>", 6, "/a/b", too_long),
        ("<a><b>x<c/></b></a>", 7, "/a/b", Kind::ElementInText),
        ("<a><b>x\u{1}</b></a>", 7, "/a/b", Kind::Character { found: 1 }),
        ("<a><b>]]></b></a>", 6, "/a/b", markup("no `]]>` in text")),
    ];
    for (text, offset, path, kind) in bad {
        let error = read(text, limits).expect_err(text);
        assert_eq!((error.offset, error.path.as_str(), error.kind), (*offset, *path, *kind), "{text}");
    }
}

/// Whatever is called after an error, in whatever order, comes to an end: the one-step reading keeps out of the tokenizer's way.
#[test]
fn calls_after_an_error() {
    let documents = [
        "<a>x</a>",
        "<a> <b>x</b>y</a>",
        "<a>x<b/></a>",
        "<a>&x;</a><b>",
        "<a><b>x</c></b></a>",
        "<a>]]></a>",
        "<a>x<!-- --></a>",
    ];
    for (document, calls) in documents.iter().flat_map(|document| (0..1024_u32).map(move |calls| (document, calls))) {
        let source = Source::new(document.as_bytes(), XmlLimits::DEFAULT).unwrap();
        let mut reader = Reader::new(&source);
        for call in 0..5 {
            let _anything = match calls >> (2 * call) & 3 {
                0 => reader.root().map(drop),
                1 => reader.child().map(drop),
                2 => reader.text().map(drop),
                _ => reader.skip(),
            };
        }
        let _anything = reader.finish();
    }
}

/// Offsets count the bytes of the input, whatever its encoding.
#[test]
fn offsets_in_other_encodings() {
    let text = "<?xml version='1.0' encoding='utf-16'?><a>\u{1F600}é&b;</a>";
    let little: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let units = text.split('&').next().unwrap().encode_utf16().count();
    assert_eq!(error(&little, XmlLimits::DEFAULT), (2 + 2 * units, "/a".to_owned(), Kind::Entity));
    assert_eq!(error(&big, XmlLimits::DEFAULT), (2 * units, "/a".to_owned(), Kind::Entity));
    let latin = b"<?xml version='1.0' encoding='windows-1252'?><a>\x80\xE9&b;</a>";
    assert_eq!(error(latin, XmlLimits::DEFAULT), (50, "/a".to_owned(), Kind::Entity));
}

/// Well-formed documents that are none of ours.
#[test]
fn not_the_document() {
    const REQUEST: &str = Schema::Outlook.request();
    const RESPONSE: &str = Schema::Outlook.response();
    let table: &[(&str, usize, &str, Kind)] = &[
        ("<html><body>Not found</body></html>", 0, "/html", Kind::Element { expected: "Autodiscover" }),
        ("<Autodiscover/>", 0, "/Autodiscover", Kind::Missing { element: "Response" }),
        ("<Autodiscover>x</Autodiscover>", 14, "/Autodiscover", Kind::TextAmongElements),
        (
            "<Autodiscover><Response xmlns='urn:x'/></Autodiscover>",
            14,
            "/Autodiscover/Response",
            Kind::Namespace { expected: RESPONSE },
        ),
        (
            "<Autodiscover><Response><Account>x</Account></Response></Autodiscover>",
            33,
            "/Autodiscover/Response/Account",
            Kind::TextAmongElements,
        ),
        (
            "<Autodiscover><Response><Account><Image><b/></Image></Account></Response></Autodiscover>",
            40,
            "/Autodiscover/Response/Account/Image",
            Kind::ElementInText,
        ),
        ("<Autodiscover><Response><User></Response></Autodiscover>", 30, "/Autodiscover/Response/User", Kind::EndTag),
    ];
    for (text, offset, path, kind) in table {
        let source = Source::new(text.as_bytes(), XmlLimits::DEFAULT).unwrap();
        let error = Response::decode(&source).expect_err(text);
        assert_eq!((error.offset, error.path.as_str(), error.kind), (*offset, *path, *kind), "{text}");
    }
    let requests: &[(&str, Kind)] = &[
        ("<Autodiscover/>", Kind::Missing { element: "Request" }),
        ("<Autodiscover><Request/></Autodiscover>", Kind::Missing { element: "EMailAddress or LegacyDN" }),
        (
            "<Autodiscover><Request><EMailAddress> </EMailAddress></Request></Autodiscover>",
            Kind::Missing { element: "EMailAddress or LegacyDN" },
        ),
        ("<Autodiscover xmlns='urn:x'><Request/></Autodiscover>", Kind::Namespace { expected: REQUEST }),
        ("<Envelope/>", Kind::Element { expected: "Autodiscover" }),
    ];
    for (text, kind) in requests {
        let source = Source::new(text.as_bytes(), XmlLimits::DEFAULT).unwrap();
        assert_eq!(Request::decode(&source).expect_err(text).kind, *kind, "{text}");
    }
}

#[test]
fn errors_say_where_and_what() {
    let source = Source::new(b"<Autodiscover><Response>&nbsp;</Response></Autodiscover>", XmlLimits::DEFAULT).unwrap();
    assert_eq!(
        Response::decode(&source).unwrap_err().to_string(),
        "at byte 24, /Autodiscover/Response: expected amp, lt, gt, apos, quot or a number after `&`"
    );
}

/// As many references as are allowed, behind as much text: where an offset into the input was worked out for each of them, and not only
/// for an error, one small document took a processor for minutes.
#[test]
fn references_cost_no_search_for_their_place() {
    let (text, references) = (" ".repeat(900_000), "&#65;".repeat(16_384));
    let latin = format!("<?xml version='1.0' encoding='latin1'?><a><b>{text}</b><c>{references}</c></a>");
    let source = Source::new(latin.as_bytes(), XmlLimits::DEFAULT).expect("within the limits");
    let mut reader = Reader::new(&source);
    reader.root().expect("a");
    reader.skip().expect("well formed");
    assert_eq!(reader.finish(), Ok(()));
}
