//! Reading a document by pulling elements out of it.

use std::borrow::Cow;
use std::io::BufRead;

use quick_xml::XmlVersion;
use quick_xml::errors::{Error as Quick, IllFormedError, SyntaxError};
use quick_xml::events::attributes::{AttrError, Attributes};
use quick_xml::events::{BytesText, Event as Token};

use super::error::{Path, XmlError, XmlErrorKind};
use super::source::{Holds, Source};

/// A start tag.
#[derive(Debug, Clone, Copy)]
pub struct Element<'x> {
    /// What stands between `<` and `>` or `/>`.
    content: &'x str,
    /// The name with its prefix.
    tag: &'x str,
    /// The name without it.
    name: &'x str,
    /// Where the `<` stands in the text.
    offset: usize,
}

impl<'x> Element<'x> {
    /// The name without its prefix.
    #[must_use]
    pub const fn name(&self) -> &'x str {
        self.name
    }

    /// The value of an attribute, named without prefix and in the letter case given. White space around it is no part of it.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Cow<'x, str>> {
        if self.content.len() == self.tag.len() {
            return None;
        }
        let mut attributes = Attributes::new(self.content, self.tag.len());
        // Checked when the tag was read.
        attributes.with_checks(false);
        let found = attributes.flatten().find(|attribute| local(attribute.key.into_inner()) == name)?;
        found.normalized_value(XmlVersion::Implicit1_0).ok().map(trim)
    }
}

/// An element that is open.
#[derive(Debug, Clone, Copy)]
struct Open<'x> {
    name: &'x str,
    offset: usize,
    /// How many namespaces were bound outside of it.
    bound: usize,
}

/// What comes next inside the innermost open element. Small, since one is handed over for each tag and each piece of text.
enum Item<'x> {
    /// The element is the reader's.
    Start,
    /// Text as it stands in the document.
    Text(&'x str),
    Character(char),
    End,
}

/// An error on its way out: behind a pointer, since what it travels beside is small and comes often.
#[derive(Debug)]
struct Failed(Box<XmlError>);

impl From<XmlError> for Failed {
    fn from(error: XmlError) -> Self {
        Self(Box::new(error))
    }
}

impl From<Failed> for XmlError {
    fn from(error: Failed) -> Self {
        *error.0
    }
}

/// A pull reader over one document.
///
/// [`root`](Self::root) opens the outermost element. Then, for the innermost open element: [`child`](Self::child) opens the
/// next element inside, or closes the element when there is none; [`text`](Self::text), [`skip`](Self::skip) and
/// [`raw`](Self::raw) close it. [`finish`](Self::finish) ends the document.
pub struct Reader<'x> {
    source: &'x Source<'x>,
    text: &'x str,
    tokens: quick_xml::Reader<&'x [u8]>,
    open: Vec<Open<'x>>,
    /// Prefix and name of each namespace that is bound, innermost last. The empty prefix is the default.
    bound: Vec<(&'x str, Cow<'x, str>)>,
    /// The element that was opened last.
    element: Element<'x>,
    /// The innermost element was an empty tag: its end comes next.
    empty: bool,
    /// The tokenizer stands where text may begin, and not in front of markup that it has seen: what is read here, past it, is taken off
    /// its input there alone.
    between: bool,
    elements: usize,
    references: usize,
    holds: Holds,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("offset", &self.position()).field("path", &self.path()).finish_non_exhaustive()
    }
}

impl<'x> Reader<'x> {
    /// A reader in front of the document.
    #[must_use]
    pub fn new(source: &'x Source<'x>) -> Self {
        let mut tokens = quick_xml::Reader::from_str(source.text());
        let config = tokens.config_mut();
        config.check_comments = true;
        // The end tags of plain values never reach the tokenizer, so names are held against each other here.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        Self {
            source,
            text: source.text(),
            tokens,
            open: Vec::with_capacity(8),
            bound: Vec::with_capacity(4),
            element: Element { content: "", tag: "", name: "", offset: 0 },
            empty: false,
            between: false,
            elements: 0,
            references: 0,
            holds: source.holds(),
        }
    }

    /// Opens the root element.
    ///
    /// # Errors
    /// [`XmlError`]: no element, text in front of it, a document type declaration, markup that is not well formed.
    pub fn root(&mut self) -> Result<Element<'x>, XmlError> {
        loop {
            let at = self.position();
            match self.token()? {
                Token::Decl(_) if at == 0 => {}
                Token::Start(start) => {
                    self.start(start.len(), start.name().into_inner().len(), false)?;
                    return Ok(self.element);
                }
                Token::Empty(start) => {
                    self.start(start.len(), start.name().into_inner().len(), true)?;
                    return Ok(self.element);
                }
                Token::Text(text) if is_space(&text) => {}
                Token::Comment(_) | Token::PI(_) => {}
                Token::Eof => return Err(self.error(at, XmlErrorKind::NoElement)),
                Token::DocType(_) => return Err(self.error(at, XmlErrorKind::Doctype)),
                Token::End(_) => return Err(self.error(at, XmlErrorKind::EndTag)),
                Token::Decl(_) => return Err(self.declaration(at)),
                _ => return Err(self.error(at, XmlErrorKind::Markup { expected: "an element" })),
            }
        }
    }

    /// Opens the next element inside the innermost open one; `None` closes that one.
    ///
    /// # Errors
    /// [`XmlError`]: text among elements, or markup that is not well formed.
    #[inline]
    pub fn child(&mut self) -> Result<Option<Element<'x>>, XmlError> {
        loop {
            let at = self.position();
            match self.item()? {
                Item::Start => return Ok(Some(self.element)),
                Item::End => return Ok(None),
                Item::Text(text) if is_space(text) => {}
                Item::Text(_) | Item::Character(_) => return Err(self.error(at, XmlErrorKind::TextAmongElements)),
            }
        }
    }

    /// The text of the innermost open element, which it closes. White space around it is no part of it.
    ///
    /// # Errors
    /// [`XmlError`]: an element inside, text that is too long, or markup that is not well formed.
    pub fn text(&mut self) -> Result<Cow<'x, str>, XmlError> {
        if let Some(text) = self.plain_text() {
            return Ok(Cow::Borrowed(trimmed(text)));
        }
        self.text_by_items()
    }

    fn text_by_items(&mut self) -> Result<Cow<'x, str>, XmlError> {
        let allowed = self.source.limits().text;
        let mut whole = Cow::Borrowed("");
        loop {
            let at = self.position();
            match self.item()? {
                Item::Text(piece) if whole.is_empty() => whole = self.content(piece),
                Item::Text(piece) => whole.to_mut().push_str(&self.content(piece)),
                Item::Character(c) => whole.to_mut().push(c),
                Item::Start => {
                    self.open.pop();
                    return Err(self.error(self.element.offset, XmlErrorKind::ElementInText));
                }
                Item::End => break,
            }
            if whole.len() > allowed {
                return Err(self.error(at, XmlErrorKind::Limit { limit: "text", allowed }));
            }
        }
        Ok(trim(whole))
    }

    /// The text of the innermost open element where it is all that stands in front of the end tag, which is taken with it; most values
    /// are. Nothing is taken where anything else stands there, or where the text has to be looked through: item by item then.
    fn plain_text(&mut self) -> Option<&'x str> {
        if self.empty || !self.between || self.holds != Holds::default() {
            return None;
        }
        let rest = self.text.get(self.position()..)?;
        let len = memchr::memchr2(b'<', b'&', rest.as_bytes()).filter(|len| *len <= self.source.limits().text)?;
        let (text, markup) = rest.split_at_checked(len)?;
        let tag = self.open.last()?.name;
        markup.strip_prefix("</")?.strip_prefix(tag)?.strip_prefix('>')?;
        self.tokens.stream().consume(len + "</".len() + tag.len() + ">".len());
        self.close();
        Some(text)
    }

    /// Closes the innermost open element, whatever it holds.
    ///
    /// # Errors
    /// [`XmlError`]: markup that is not well formed.
    pub fn skip(&mut self) -> Result<(), XmlError> {
        let outside = self.open.len().saturating_sub(1);
        while self.open.len() > outside {
            self.item()?;
        }
        Ok(())
    }

    /// Closes the innermost open element and gives its markup, its own tags included, as it stands in the document.
    ///
    /// # Errors
    /// [`XmlError`]: markup that is not well formed.
    pub fn raw(&mut self) -> Result<&'x str, XmlError> {
        let from = self.open.last().map_or(0, |open| open.offset);
        self.skip()?;
        Ok(self.text.get(from..self.position()).unwrap_or_default())
    }

    /// The end of the document: comments and white space alone may follow the root element.
    ///
    /// # Errors
    /// [`XmlErrorKind::AfterRoot`], or markup that is not well formed.
    pub fn finish(&mut self) -> Result<(), XmlError> {
        loop {
            let at = self.position();
            match self.token()? {
                Token::Eof => return Ok(()),
                Token::Text(text) if is_space(&text) => {}
                Token::Comment(_) | Token::PI(_) => {}
                Token::End(_) => return Err(self.error(at, XmlErrorKind::EndTag)),
                _ => return Err(self.error(at, XmlErrorKind::AfterRoot)),
            }
        }
    }

    /// The namespace of the innermost open element, empty where it has none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        let prefix = self.open.last().and_then(|open| open.name.split_once(':')).map_or("", |(prefix, _)| prefix);
        self.bound.iter().rfind(|(bound, _)| *bound == prefix).map_or("", |(_, name)| name)
    }

    /// An error about the value or the content of `element`, which was just read.
    #[must_use]
    pub fn error_at(&self, element: &Element<'x>, kind: XmlErrorKind) -> XmlError {
        let mut error = self.error(element.offset, kind);
        if self.open.last().is_none_or(|open| open.offset != element.offset) {
            error.path = Path::of(self.open.iter().map(|open| open.name).chain([element.tag]));
        }
        error
    }

    /// An error about what the element that was just closed lacks; `element` is its start tag.
    #[must_use]
    pub fn missing(&self, element: &Element<'x>, name: &'static str) -> XmlError {
        self.error_at(element, XmlErrorKind::Missing { element: name })
    }

    fn position(&self) -> usize {
        usize::try_from(self.tokens.buffer_position()).unwrap_or(usize::MAX)
    }

    fn path(&self) -> Path {
        Path::of(self.open.iter().map(|open| open.name))
    }

    #[cold]
    fn error(&self, offset: usize, kind: XmlErrorKind) -> XmlError {
        XmlError { offset: self.source.input_offset(offset), path: self.path(), kind }
    }

    fn declaration(&self, at: usize) -> XmlError {
        self.error(at, XmlErrorKind::Markup { expected: "the XML declaration at the start of the document" })
    }

    fn token(&mut self) -> Result<Token<'x>, XmlError> {
        let at = self.position();
        self.read().map_err(|error| self.token_error(&error, at))
    }

    #[inline]
    fn read(&mut self) -> Result<Token<'x>, Quick> {
        let token = self.tokens.read_event();
        self.between = !matches!(token, Ok(Token::Text(_)) | Err(_));
        token
    }

    #[cold]
    fn token_error(&self, error: &Quick, at: usize) -> XmlError {
        let syntax = usize::try_from(self.tokens.error_position()).unwrap_or(at).max(at);
        match *error {
            Quick::Syntax(syntax_error) => self.error(syntax, syntax_kind(syntax_error)),
            Quick::IllFormed(IllFormedError::UnclosedReference) => self.error(syntax, XmlErrorKind::Reference),
            Quick::IllFormed(IllFormedError::MissingDoctypeName) => self.error(at, XmlErrorKind::Doctype),
            Quick::IllFormed(IllFormedError::DoubleHyphenInComment) => {
                self.error(syntax, XmlErrorKind::Markup { expected: "no `--` in a comment" })
            }
            Quick::IllFormed(_) => self.declaration(at),
            _ => self.error(at, XmlErrorKind::Markup { expected: "well-formed markup" }),
        }
    }

    #[cold]
    fn failed(&self, offset: usize, kind: XmlErrorKind) -> Failed {
        self.error(offset, kind).into()
    }

    /// The next item inside the innermost open element; an end closes it.
    fn item(&mut self) -> Result<Item<'x>, Failed> {
        if self.empty || self.open.is_empty() {
            self.close();
            return Ok(Item::End);
        }
        loop {
            if self.plain_start() {
                return Ok(Item::Start);
            }
            let at = self.position();
            return match self.read() {
                Ok(Token::Start(start)) => {
                    self.start(start.len(), start.name().into_inner().len(), false).map(|()| Item::Start)
                }
                Ok(Token::Empty(start)) => {
                    self.start(start.len(), start.name().into_inner().len(), true).map(|()| Item::Start)
                }
                Ok(Token::End(end)) => {
                    if self.open.last().is_none_or(|open| open.name != end.name().into_inner()) {
                        return Err(self.failed(at, XmlErrorKind::EndTag));
                    }
                    self.close();
                    Ok(Item::End)
                }
                Ok(Token::Text(_)) => {
                    let text = self.text.get(at..self.position()).unwrap_or_default();
                    self.characters(text, at)?;
                    if self.holds.bracket && text.contains("]]>") {
                        return Err(self.failed(at, XmlErrorKind::Markup { expected: "no `]]>` in text" }));
                    }
                    Ok(Item::Text(text))
                }
                Ok(Token::CData(section)) => {
                    let end = self.position().saturating_sub("]]>".len());
                    let text = self.text.get(end.saturating_sub(section.len())..end).unwrap_or_default();
                    self.characters(text, at)?;
                    Ok(Item::Text(text))
                }
                Ok(Token::GeneralRef(reference)) => self.reference(&reference, at).map(Item::Character),
                Ok(Token::Comment(_) | Token::PI(_)) => continue,
                Ok(Token::Decl(_)) => Err(self.declaration(at).into()),
                Ok(Token::DocType(_)) => Err(self.failed(at, XmlErrorKind::Doctype)),
                Ok(Token::Eof) => Err(self.failed(at, XmlErrorKind::Eof)),
                Err(error) => Err(self.token_error(&error, at).into()),
            };
        }
    }

    /// Opens the element whose start tag comes next, where that is a name and nothing else, and nothing is wrong with it; the tokenizer
    /// is left to do so elsewhere.
    fn plain_start(&mut self) -> bool {
        let offset = self.position();
        let limits = *self.source.limits();
        if !self.between || self.elements >= limits.elements || self.open.len() >= limits.depth {
            return false;
        }
        let Some(rest) = self.text.get(offset..).and_then(|rest| rest.strip_prefix('<')) else { return false };
        let Some(tag) = memchr::memchr(b'>', rest.as_bytes()).and_then(|len| rest.get(..len)) else { return false };
        let Some(name) = local_name(tag) else { return false };
        self.tokens.stream().consume(tag.len() + "<>".len());
        self.elements += 1;
        self.open.push(Open { name: tag, offset, bound: self.bound.len() });
        self.element = Element { content: tag, tag, name, offset };
        true
    }

    fn close(&mut self) {
        self.empty = false;
        if let Some(closed) = self.open.pop() {
            self.bound.truncate(closed.bound);
        }
    }

    /// Opens the element whose tag was just read: `len` bytes between its brackets, `name` of them its name.
    fn start(&mut self, len: usize, name: usize, empty: bool) -> Result<(), Failed> {
        let end = self.position().saturating_sub(if empty { 2 } else { 1 });
        let from = end.saturating_sub(len);
        let content = self.text.get(from..end).unwrap_or_default();
        let tag = content.get(..name).unwrap_or_default();
        let offset = from.saturating_sub(1);
        let limits = *self.source.limits();
        self.elements += 1;
        if self.open.len() >= limits.depth {
            return Err(self.failed(offset, XmlErrorKind::Limit { limit: "depth", allowed: limits.depth }));
        }
        if self.elements > limits.elements {
            return Err(self.failed(offset, XmlErrorKind::Limit { limit: "elements", allowed: limits.elements }));
        }
        let Some(name) = local_name(tag) else {
            return Err(self.failed(offset, XmlErrorKind::Name));
        };
        self.open.push(Open { name: tag, offset, bound: self.bound.len() });
        self.empty = empty;
        if content.len() > tag.len() {
            self.attributes(content, tag.len(), from)?;
        }
        self.element = Element { content, tag, name, offset };
        Ok(())
    }

    /// Checks the attributes of a tag and binds the namespaces among them.
    fn attributes(&mut self, content: &'x str, name: usize, from: usize) -> Result<(), Failed> {
        let limits = *self.source.limits();
        for (count, attribute) in Attributes::new(content, name).enumerate() {
            if count >= limits.attributes {
                return Err(self.failed(from, XmlErrorKind::Limit { limit: "attributes", allowed: limits.attributes }));
            }
            let attribute = attribute.map_err(|error| self.attribute_error(&error, from))?;
            let bad = |reader: &Self, expected| Err(reader.failed(from, XmlErrorKind::Attribute { expected }));
            let key: &'x str = attribute.key.into_inner();
            if local_name(key).is_none() {
                return bad(self, "a name in front of `=`");
            }
            if attribute.value.len() > limits.text {
                return Err(self.failed(from, XmlErrorKind::Limit { limit: "text", allowed: limits.text }));
            }
            self.characters(&attribute.value, from)?;
            if memchr::memchr2(b'<', b'&', attribute.value.as_bytes()).is_some() {
                self.attribute_markup(&attribute.value, from)?;
            }
            let prefix = if key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
            if let Some(prefix) = prefix {
                let Ok(name) = attribute.normalized_value(XmlVersion::Implicit1_0) else {
                    return bad(self, "the name of a namespace");
                };
                self.bound.push((prefix, name));
            }
        }
        Ok(())
    }

    /// Checks the value of an attribute that holds `<` or `&`.
    fn attribute_markup(&mut self, value: &str, from: usize) -> Result<(), Failed> {
        if value.contains('<') {
            let expected = "no `<` in the value of an attribute";
            return Err(self.failed(from, XmlErrorKind::Attribute { expected }));
        }
        for reference in value.split('&').skip(1) {
            let Some((reference, _)) = reference.split_once(';') else {
                return Err(self.failed(from, XmlErrorKind::Reference));
            };
            self.reference(reference, from)?;
        }
        Ok(())
    }

    fn attribute_error(&self, error: &AttrError, from: usize) -> Failed {
        let (at, expected) = match *error {
            AttrError::ExpectedEq(at) => (at, "`=` behind the name of an attribute"),
            AttrError::ExpectedValue(at) => (at, "a value behind `=`"),
            AttrError::UnquotedValue(at) => (at, "quotes around the value of an attribute"),
            AttrError::ExpectedQuote(at, _) => (at, "the closing quote of a value"),
            AttrError::Duplicated(at, _) => (at, "each attribute once"),
        };
        self.failed(from + at, XmlErrorKind::Attribute { expected })
    }

    /// What `&reference;` stands for.
    fn reference(&mut self, reference: &str, at: usize) -> Result<char, Failed> {
        let allowed = self.source.limits().references;
        self.references += 1;
        if self.references > allowed {
            return Err(self.failed(at, XmlErrorKind::Limit { limit: "references", allowed }));
        }
        let number = match reference {
            "amp" => return Ok('&'),
            "lt" => return Ok('<'),
            "gt" => return Ok('>'),
            "apos" => return Ok('\''),
            "quot" => return Ok('"'),
            _ => reference.strip_prefix('#').ok_or_else(|| self.failed(at, XmlErrorKind::Entity))?,
        };
        let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
        let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u32::from_str_radix(digits, radix).ok());
        let value = value.ok_or_else(|| self.failed(at, XmlErrorKind::Reference))?;
        char::from_u32(value)
            .filter(|c| is_character(*c))
            .ok_or_else(|| self.failed(at, XmlErrorKind::Character { found: value }))
    }

    /// Text as XML has it be read: its line ends normalised.
    fn content(&self, text: &'x str) -> Cow<'x, str> {
        if self.holds.carriage_return { BytesText::from_escaped(text).xml10_content() } else { Cow::Borrowed(text) }
    }

    fn characters(&self, text: &str, at: usize) -> Result<(), Failed> {
        if !self.holds.forbidden {
            return Ok(());
        }
        match text.char_indices().find(|(_, c)| !is_character(*c)) {
            Some((offset, c)) => Err(self.failed(at + offset, XmlErrorKind::Character { found: u32::from(c) })),
            None => Ok(()),
        }
    }
}

const fn syntax_kind(error: SyntaxError) -> XmlErrorKind {
    let expected = match error {
        SyntaxError::UnclosedTag => "`>` at the end of a tag",
        SyntaxError::UnclosedComment => "`-->` at the end of a comment",
        SyntaxError::UnclosedCData => "`]]>` at the end of a CDATA section",
        SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl => "`?>` at the end of a processing instruction",
        SyntaxError::UnclosedDoctype => return XmlErrorKind::Doctype,
        SyntaxError::UnclosedSingleQuotedAttributeValue | SyntaxError::UnclosedDoubleQuotedAttributeValue => {
            return XmlErrorKind::Attribute { expected: "the closing quote of a value" };
        }
        SyntaxError::InvalidBangMarkup => "a comment or a CDATA section behind `<!`",
    };
    XmlErrorKind::Markup { expected }
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(trimmed(text)),
        Cow::Owned(text) if trimmed(&text).len() < text.len() => Cow::Owned(trimmed(&text).to_owned()),
        owned => owned,
    }
}

#[inline]
fn trimmed(text: &str) -> &str {
    let edges = [text.as_bytes().first(), text.as_bytes().last()];
    // Most values have no white space around them.
    if edges.into_iter().flatten().all(|byte| *byte > b' ') { text } else { text.trim_matches(SPACE) }
}

fn is_space(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// The part of a name behind its prefix; nothing where it is no name of XML, or has more than one prefix. Beyond ASCII every letter is
/// taken: no name here has any.
fn local_name(name: &str) -> Option<&str> {
    let mut start = 0;
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => {}
            b'0'..=b'9' | b'-' | b'.' if at > start => {}
            b':' if start == 0 && at > 0 => start = at + 1,
            _ => return None,
        }
    }
    name.get(start..).filter(|local| !local.is_empty())
}

/// A character that a document may hold: XML 1.0, 2.2.
pub(crate) const fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
