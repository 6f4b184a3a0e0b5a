//! What a head says about the message behind it and about the connection: [RFC 9112] 6.3 and 9.3.

use crate::{Fault, Fields, RequestHead, ResponseHead, Version};

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    Empty,
    /// By a `Content-Length`, never 0.
    Length(u64),
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    UntilClose,
    /// No body: bytes of another protocol, both ways, from here on.
    Tunnel,
}

/// The fields that concern the connection, read in one pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Control {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    /// `Upgrade` in HTTP/1.1: the sender of a request would go on in another protocol. In HTTP/1.0 it means nothing
    /// ([RFC 9110] 7.8).
    upgrade: bool,
    /// `Expect: 100-continue`.
    pub(crate) expects_continue: bool,
}

impl Control {
    pub(crate) fn of_request(head: &RequestHead) -> Result<Self, Fault> {
        let mut hosts = 0_usize;
        let control = Self::read(head.fields(), head.version(), |name, value| {
            if name.eq_ignore_ascii_case(b"host") {
                hosts = hosts.saturating_add(1);
                if !is_host(value) {
                    return Err(Fault::HostInvalid);
                }
            }
            Ok(())
        })?;
        match hosts {
            0 if head.version() == Version::Http11 => Err(Fault::HostMissing),
            0 | 1 => Ok(control),
            _ => Err(Fault::HostRepeated),
        }
    }

    pub(crate) fn of_response(head: &ResponseHead) -> Result<Self, Fault> {
        Self::read(head.fields(), head.version(), |_, _| Ok(()))
    }

    fn read(
        fields: &Fields,
        version: Version,
        mut other: impl FnMut(&[u8], &[u8]) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let mut this = Self::default();
        let mut coding = None;
        for (name, value) in fields.iter_bytes() {
            // The length tells most names apart without looking at them.
            match name.len() {
                14 if name.eq_ignore_ascii_case(b"content-length") => this.on_length(value)?,
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => on_coding(value, &mut coding)?,
                10 if name.eq_ignore_ascii_case(b"connection") => {
                    for option in list(value) {
                        this.close |= option.eq_ignore_ascii_case(b"close");
                        this.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                7 if name.eq_ignore_ascii_case(b"upgrade") => {
                    this.upgrade |= version == Version::Http11 && !value.is_empty();
                }
                6 if name.eq_ignore_ascii_case(b"expect") => {
                    this.expects_continue |=
                        version == Version::Http11 && list(value).any(|v| v.eq_ignore_ascii_case(b"100-continue"));
                }
                4 => other(name, value)?,
                _ => {}
            }
        }
        match coding {
            None => {}
            Some(_) if version == Version::Http10 => return Err(Fault::CodingInHttp10),
            Some(_) if this.length.is_some() => return Err(Fault::LengthAndCoding),
            Some(Coding { chunked: 0, .. } | Coding { chunked_last: false, .. }) => {
                return Err(Fault::CodingNotChunked);
            }
            Some(Coding { chunked: 2.., .. }) => return Err(Fault::CodingTwice),
            Some(Coding { others: true, .. }) => return Err(Fault::CodingUnsupported),
            Some(_) => this.chunked = true,
        }
        Ok(this)
    }

    fn on_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        // A list of equal values is what an intermediary makes of repeated fields; [RFC 9112] 6.3 lets it pass.
        for item in value.split(|byte| *byte == b',') {
            let length = decimal(item.trim_ascii())?;
            match self.length {
                Some(before) if before != length => return Err(Fault::ContentLengthConflict),
                _ => self.length = Some(length),
            }
        }
        Ok(())
    }

    /// Whether the connection can carry another message behind this one, as far as this head says.
    pub(crate) const fn persists(self, version: Version) -> bool {
        match version {
            Version::Http11 => !self.close,
            Version::Http10 => self.keep_alive && !self.close,
        }
    }

    pub(crate) const fn says_keep_alive(self) -> bool {
        self.keep_alive
    }

    /// Whether 101 may answer this request.
    pub(crate) const fn asks_to_switch(self) -> bool {
        self.upgrade
    }

    pub(crate) const fn request_framing(self) -> Framing {
        match (self.chunked, self.length) {
            (true, _) => Framing::Chunked,
            (_, Some(length)) => Framing::from_length(length),
            _ => Framing::Empty,
        }
    }

    /// [RFC 9112] 6.3, in its order.
    pub(crate) const fn response_framing(self, status: u16, to: RequestKind) -> Framing {
        match (status, to) {
            (101, _) | (200..=299, RequestKind::Tunnel) => Framing::Tunnel,
            (100..=199 | 204 | 304, _) | (_, RequestKind::Head) => Framing::Empty,
            _ => match (self.chunked, self.length) {
                (true, _) => Framing::Chunked,
                (_, Some(length)) => Framing::from_length(length),
                _ => Framing::UntilClose,
            },
        }
    }
}

impl Framing {
    const fn from_length(length: u64) -> Self {
        if length == 0 { Self::Empty } else { Self::Length(length) }
    }
}

/// What of a request's method decides over the framing of its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// HEAD: no body, whatever the head of the response announces.
    Head,
    /// CONNECT, and RPC_CONNECT of [MS-RPCH] 2.1.1.1.1: a tunnel behind a 2xx.
    Tunnel,
    Other,
}

impl RequestKind {
    pub(crate) fn of(method: &str) -> Self {
        match method {
            "HEAD" => Self::Head,
            "CONNECT" | "RPC_CONNECT" => Self::Tunnel,
            _ => Self::Other,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Coding {
    chunked: u8,
    chunked_last: bool,
    others: bool,
}

fn on_coding(value: &[u8], coding: &mut Option<Coding>) -> Result<(), Fault> {
    let coding = coding.get_or_insert_default();
    for item in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if item.eq_ignore_ascii_case(b"chunked") {
            coding.chunked = coding.chunked.saturating_add(1);
            coding.chunked_last = true;
        } else if item.is_empty() {
            return Err(Fault::CodingNotChunked);
        } else {
            coding.others = true;
            coding.chunked_last = false;
        }
    }
    Ok(())
}

fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn decimal(text: &[u8]) -> Result<u64, Fault> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(Fault::ContentLengthInvalid);
    }
    text.iter()
        .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0'))))
        .ok_or(Fault::ContentLengthOverflow)
}

/// The characters of `uri-host [ ":" port ]`; an empty one is allowed ([RFC 9112] 3.2).
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=:[]".contains(byte))
}
