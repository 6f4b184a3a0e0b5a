//! The two cookies of a Session Context, [MS-OXCMAPIHTTP] 3.2.5.1.

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oxwire_core::Entropy;
use oxwire_http::{Fields, name};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The session context cookie's name. Names are the implementation's own (R1222); these are what Exchange uses.
pub const CONTEXT_COOKIE: &str = "MapiContext";
/// The sequence cookie's name.
pub const SEQUENCE_COOKIE: &str = "MapiSequence";

/// The half of a session context cookie under which the table finds a context.
///
/// It is no secret: how long a look-up takes may tell whether a context of that id exists, and no more. It is 96 bits of
/// the caller's entropy, so it is its own hash, and 32 bits that say where the context stands: the hint, hidden from the client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CookieId(pub(crate) [u8; 16]);

impl CookieId {
    /// What the hint is combined with: it depends on a key of the table and on the id's other bits, so that two cookies tell nothing
    /// about how many contexts lie between them.
    fn mask(&self, [key, other]: [u64; 2]) -> u32 {
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = self.0;
        let (x, y) = (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from(u32::from_le_bytes([i, j, k, l])));
        let fold = |x: u64, y: u64| {
            let product = (u128::from(x) * u128::from(y)).to_le_bytes();
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = product;
            u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ u64::from_le_bytes([i, j, k, l, m, n, o, p])
        };
        let mixed = fold(fold(x ^ key, y ^ other) ^ other, 0x9E37_79B9_7F4A_7C15 ^ key).to_le_bytes();
        let [.., m, n, o, p] = mixed;
        u32::from_le_bytes([m, n, o, p])
    }

    /// Writes the hint.
    pub(crate) fn hide(&mut self, slot: u32, key: [u64; 2]) {
        let hint = (slot ^ self.mask(key)).to_le_bytes();
        for (to, from) in self.0.iter_mut().skip(12).zip(hint) {
            *to = from;
        }
    }

    /// Reads the hint. Whatever comes of an id that was made elsewhere is held against the id in that place.
    pub(crate) fn hint(&self, key: [u64; 2]) -> u32 {
        let [.., m, n, o, p] = self.0;
        u32::from_le_bytes([m, n, o, p]) ^ self.mask(key)
    }
}

impl std::hash::Hash for CookieId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

/// Hashes a [`CookieId`] to its own first 64 bits: what is stored was drawn by this end, never chosen by a peer.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

pub(crate) type BuildIdHasher = BuildHasherDefault<IdHasher>;

/// A session context cookie: 128 bits that name the context, and 128 bits that prove it.
///
/// `Debug` does not show it; the proving half is compared in constant time and wiped when dropped.
#[derive(Clone)]
pub struct ContextCookie {
    pub(crate) id: CookieId,
    pub(crate) secret: Zeroizing<[u8; 16]>,
}

impl ContextCookie {
    /// Bytes of a cookie before it is written as text.
    pub const LEN: usize = 32;
    /// Characters of its text form (base64url without padding).
    pub const TEXT_LEN: usize = 43;

    /// Draws a cookie of 256 bits.
    pub fn draw(entropy: &mut (impl Entropy + ?Sized)) -> Self {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        entropy.fill(&mut *bytes);
        Self::from_bytes(&bytes)
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let mut this = Self { id: CookieId([0; 16]), secret: Zeroizing::new([0; 16]) };
        for (to, from) in this.id.0.iter_mut().chain(this.secret.iter_mut()).zip(bytes) {
            *to = *from;
        }
        this
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; Self::LEN]> {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        for (to, from) in bytes.iter_mut().zip(self.id.0.iter().chain(self.secret.iter())) {
            *to = *from;
        }
        bytes
    }

    /// Reads the text form. `None` for text that this server never made: the "Invalid Context Cookie" of 2.2.3.3.3.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        let len = URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes).ok()?;
        (len == Self::LEN).then(|| Self::from_bytes(&bytes))
    }

    /// The text form, as `Set-Cookie` carries it. It is a credential: do not log it.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(*self.to_bytes())
    }

    /// Whether the proving half is that of a context; compared in constant time.
    pub(crate) fn proves(&self, secret: &[u8; 16]) -> bool {
        // As two numbers: the comparison of slices goes byte by byte.
        let halves = |[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]: [u8; 16]| {
            (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes([i, j, k, l, m, n, o, p]))
        };
        let (this, other) = (halves(*self.secret), halves(*secret));
        (this.0.ct_eq(&other.0) & this.1.ct_eq(&other.1)).into()
    }
}

impl fmt::Debug for ContextCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContextCookie([secret])")
    }
}

/// The sequence cookie of a context: a counter that begins at a drawn value and is renewed with every request that takes
/// part in the sequence. It keeps order; it proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sequence(pub(crate) u32);

impl Sequence {
    pub(crate) fn draw(entropy: &mut (impl Entropy + ?Sized)) -> Self {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes);
        Self(u32::from_le_bytes(bytes))
    }

    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Eight hexadecimal digits; anything else is no sequence cookie of ours.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text =
            std::str::from_utf8(text).ok().filter(|t| t.len() == 8 && t.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// One of the two cookies, as a request carries it.
#[derive(Debug, Clone)]
pub(crate) enum Presented<C> {
    /// No cookie of that name.
    Absent,
    /// One that this server never made.
    Foreign,
    /// One in this server's form.
    Cookie(C),
}

/// What a request's `Cookie` lines carry for us. Several lines are one list; of a repeated name the last one counts.
#[derive(Debug, Clone)]
pub(crate) struct Cookies {
    pub(crate) context: Presented<ContextCookie>,
    pub(crate) sequence: Presented<Sequence>,
}

impl Cookies {
    pub(crate) const NONE: Self = Self { context: Presented::Absent, sequence: Presented::Absent };

    pub(crate) fn of(fields: &Fields) -> Self {
        let mut cookies = Self::NONE;
        for line in fields.all(name::COOKIE) {
            for pair in line.split(|byte| *byte == b';') {
                let mut parts = pair.splitn(2, |byte| *byte == b'=');
                let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
                let value = value.trim_ascii();
                if name.trim_ascii() == CONTEXT_COOKIE.as_bytes() {
                    cookies.context = ContextCookie::parse(value).map_or(Presented::Foreign, Presented::Cookie);
                } else if name.trim_ascii() == SEQUENCE_COOKIE.as_bytes() {
                    cookies.sequence = Sequence::parse(value).map_or(Presented::Foreign, Presented::Cookie);
                }
            }
        }
        cookies
    }
}

#[cfg(test)]
mod tests {
    use oxwire_http::RequestHead;

    use super::*;

    fn cookie(byte: u8) -> ContextCookie {
        ContextCookie::draw(&mut |out: &mut [u8]| out.fill(byte))
    }

    #[test]
    fn the_text_form_comes_back() {
        let cookie = ContextCookie::draw(&mut |out: &mut [u8]| (0..).zip(out).for_each(|(n, byte)| *byte = n));
        // Python: base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=")
        assert_eq!(cookie.to_text(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        let again = ContextCookie::parse(cookie.to_text().as_bytes()).unwrap();
        assert!(again.id == cookie.id && again.proves(&cookie.secret));
        assert!(!again.proves(&[0; 16]));
    }

    #[test]
    fn a_hint_comes_back_and_does_not_show() {
        let key = [0x1234_5678_9ABC_DEF0, 0x0FED_CBA9_8765_4321];
        let mut shown = std::collections::HashSet::new();
        for slot in 0..1000_u32 {
            let mut id = CookieId([0; 16]);
            id.0[..4].copy_from_slice(&slot.to_le_bytes());
            id.hide(7, key);
            assert_eq!(id.hint(key), 7);
            assert!(shown.insert([id.0[12], id.0[13], id.0[14], id.0[15]]));
        }
    }

    #[test]
    fn what_is_not_ours_is_foreign() {
        for text in
            ["", "Invalid cookie", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", &"!".repeat(43), &"A".repeat(42)]
        {
            assert!(ContextCookie::parse(text.as_bytes()).is_none(), "{text}");
        }
        for text in ["", "0", "+0000001", "0000000g", "000000001"] {
            assert!(Sequence::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert_eq!(Sequence::parse(b"fFfFfFfF").unwrap().next().to_string(), "00000000");
    }

    #[test]
    fn debug_shows_no_cookie() {
        let shown = format!("{:?}", cookie(0x41));
        assert_eq!(shown, "ContextCookie([secret])");
    }

    /// quirks: Outlook sends several `Cookie` lines.
    #[test]
    fn outlook_sends_several_cookie_lines() {
        let (first, last) = (cookie(1).to_text(), cookie(2).to_text());
        let head = RequestHead::builder("POST", "/mapi/emsmdb/")
            .field("Cookie", format!("MapiContext={first}; X-BackEndCookie=a=b"))
            .field("Cookie", format!("MapiSequence=0000000a;MapiContext={last} ; novalue; mapicontext=other"))
            .request()
            .unwrap();
        let cookies = Cookies::of(head.fields());
        let Presented::Cookie(context) = cookies.context else { panic!("expected a context cookie") };
        assert_eq!(context.to_text(), last);
        assert!(matches!(cookies.sequence, Presented::Cookie(Sequence(10))));
    }
}
