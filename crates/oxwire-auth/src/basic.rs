//! Basic, [RFC 7617].

use base64::Engine as _;
use oxwire_core::SecretString;
use zeroize::{Zeroize, Zeroizing};

use crate::UserName;
use crate::challenge::{BASE64, decode_token};

/// In which encoding user name and password travel ([RFC 7617] 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Charset {
    /// UTF-8: what a challenge with `charset="UTF-8"` asks for.
    #[default]
    Utf8,
    /// Latin-1: what older servers take when they say nothing.
    Latin1,
}

/// Credentials that Basic cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BasicError {
    /// A colon in the user name would end it.
    #[error("a user name with a colon cannot be sent by Basic ([RFC 7617] 2)")]
    Colon,
    /// A control character.
    #[error("a control character cannot be sent by Basic ([RFC 7617] 2)")]
    Control,
    /// A character that Latin-1 has not.
    #[error("a character outside of Latin-1, and the server does not ask for UTF-8")]
    NotLatin1,
    /// On receipt: not base64, or no colon.
    #[error("expected base64 of user name, colon and password")]
    Malformed,
}

/// The value of `Authorization` for Basic.
///
/// # Errors
/// [`BasicError`].
pub fn basic_value(user: &UserName, password: &SecretString, charset: Charset) -> Result<SecretString, BasicError> {
    let name = user.to_string();
    if name.contains(':') {
        return Err(BasicError::Colon);
    }
    if name.chars().chain(password.expose().chars()).any(char::is_control) {
        return Err(BasicError::Control);
    }
    // Reserved at once: a buffer that grows leaves copies behind that nobody wipes.
    let mut plain = Zeroizing::new(Vec::with_capacity(name.len() + 1 + password.expose().len()));
    let text = name.chars().chain([':']).chain(password.expose().chars());
    match charset {
        Charset::Utf8 => {
            let mut utf8 = [0; 4];
            text.for_each(|c| plain.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes()));
            utf8.zeroize();
        }
        Charset::Latin1 => {
            for c in text {
                plain.push(u8::try_from(u32::from(c)).map_err(|_| BasicError::NotLatin1)?);
            }
        }
    }
    let mut out = String::with_capacity(6 + (plain.len() / 3 + 1) * 4);
    out.push_str("Basic ");
    BASE64.encode_string(&*plain, &mut out);
    Ok(SecretString::new(out))
}

/// Takes the token of `Authorization: Basic` apart. Bytes that are not UTF-8 are read as Latin-1: a client that was told nothing
/// may send either.
///
/// # Errors
/// [`BasicError::Malformed`]; for more than `max` bytes too.
pub fn read_basic(token: &[u8], max: usize) -> Result<(UserName, SecretString), BasicError> {
    let plain = Zeroizing::new(decode_token(token, max).ok_or(BasicError::Malformed)?);
    let colon = plain.iter().position(|byte| *byte == b':').ok_or(BasicError::Malformed)?;
    let (user, password) = plain.split_at_checked(colon).ok_or(BasicError::Malformed)?;
    let password = password.get(1..).unwrap_or_default();
    // One encoding for both: what makes the password Latin-1 makes the name so too.
    let utf8 = std::str::from_utf8(&plain).is_ok();
    let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) if utf8 => text.to_owned(),
        _ => {
            let mut out = String::with_capacity(bytes.len().saturating_mul(2));
            out.extend(bytes.iter().map(|byte| char::from(*byte)));
            out
        }
    };
    Ok((UserName::parse(&text(user)), SecretString::new(text(password))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(user: &str, password: &str, charset: Charset) -> Result<String, BasicError> {
        basic_value(&user.into(), &password.into(), charset).map(|value| value.expose().to_owned())
    }

    /// The examples of [RFC 7617] 2 and 2.1.
    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(value("Aladdin", "open sesame", Charset::Utf8).unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(value("test", "123£", Charset::Utf8).unwrap(), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn both_charsets_are_read() {
        for charset in [Charset::Utf8, Charset::Latin1] {
            let sent = value("DOM\\jürgen", "grüße:x", charset).unwrap();
            let (user, password) = read_basic(sent.strip_prefix("Basic ").unwrap().as_bytes(), 100).unwrap();
            assert_eq!(user.to_string(), "DOM\\jürgen", "{charset:?}");
            assert_eq!(password.expose(), "grüße:x", "{charset:?}");
        }
    }

    #[test]
    fn what_basic_cannot_carry_is_refused() {
        assert_eq!(value("a:b", "c", Charset::Utf8), Err(BasicError::Colon));
        assert_eq!(value("a", "b\n", Charset::Utf8), Err(BasicError::Control));
        assert_eq!(value("a", "日本", Charset::Latin1), Err(BasicError::NotLatin1));
        for token in [&b"!!!"[..], b"YWJj", b""] {
            assert_eq!(read_basic(token, 100).unwrap_err(), BasicError::Malformed);
        }
        assert_eq!(read_basic(b"YTpiYmJiYmJiYmJiYmI=", 5).unwrap_err(), BasicError::Malformed);
    }
}
