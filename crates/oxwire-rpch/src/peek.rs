//! For reverse proxies: where a channel belongs, from its first bytes, without touching one of them.
//!
//! The channels of a virtual connection, its recycled ones too, have to reach the same RPC over HTTP proxies where those keep their
//! state in one process. What ties them together is the virtual connection cookie in the first RTS PDU. A [`Peek`] reads as far as that,
//! and gives all bytes back as they came; what follows is none of its concern.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, DecodeError, Error, Limits, decode_all};
use oxwire_http::{Connection, Head, HttpEvent, HttpLimits, name};
use oxwire_rpc::StreamError;

use crate::channel::{ChannelPdu, PdusIn};
use crate::fault;
use crate::http::{ChannelKind, ChannelRequest, RequestError, RpcTarget};
use crate::rts::conn::{ConnA1, ConnB1};
use crate::rts::in_r1::InR1A1;
use crate::rts::out_r1::OutR1A3;
use crate::rts::{PduName, RtsCookie, RtsPdu, Signature};

/// The largest first PDU that is read: CONN/B1 takes 104 bytes.
const MAX_FIRST_PDU: u16 = 256;

/// What the first bytes of a channel say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peeked {
    /// Which way the channel carries PDUs.
    pub kind: ChannelKind,
    /// Host and port of the RPC server; `None` for an echo request whose query is not read.
    pub rpc: Option<RpcTarget>,
    /// The first RTS PDU.
    pub first: FirstPdu,
}

/// The first RTS PDU of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FirstPdu {
    /// None yet: an echo request, a leg of an authentication, or a body that waits for `100 Continue`. Once the answer has passed,
    /// another [`Peek`] reads the next request of the connection.
    NotYet,
    /// CONN/A1 or CONN/B1: the virtual connection begins.
    Conn {
        /// The virtual connection cookie.
        virtual_connection: RtsCookie,
        /// The channel's own.
        channel: RtsCookie,
        /// AssociationGroupId, which CONN/B1 alone has: virtual connections of one group belong to one server.
        association_group: Option<RtsCookie>,
    },
    /// IN_R1/A1, IN_R2/A1, OUT_R1/A3 or OUT_R2/A3: a successor channel.
    Recycling {
        /// The virtual connection cookie.
        virtual_connection: RtsCookie,
        /// The predecessor's.
        predecessor: RtsCookie,
        /// The channel's own.
        successor: RtsCookie,
    },
}

impl FirstPdu {
    /// The virtual connection cookie, which all channels of a virtual connection share.
    #[must_use]
    pub const fn virtual_connection(self) -> Option<RtsCookie> {
        match self {
            Self::NotYet => None,
            Self::Conn { virtual_connection, .. } | Self::Recycling { virtual_connection, .. } => {
                Some(virtual_connection)
            }
        }
    }
}

/// Why the first bytes are none of a channel. They may be forwarded all the same: [`Peek::take`] gives them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeekError {
    /// No HTTP request, or a limit passed.
    #[error(transparent)]
    Http(Error),
    /// A request for something else.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A body that is no stream of PDUs.
    #[error("the first PDU of the {kind}: {error}")]
    Stream {
        /// Of which channel.
        kind: ChannelKind,
        /// What is wrong.
        error: StreamError,
    },
    /// A first PDU that begins no channel.
    #[error("the first PDU of the {kind}: expected {expected}, found {found} ([MS-RPCH] 2.1.2.1)")]
    FirstPdu {
        /// Of which channel.
        kind: ChannelKind,
        /// What begins it.
        expected: &'static str,
        /// What came.
        found: Box<str>,
    },
    /// A first PDU with a value that its section forbids.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The connection, or the request's body, ended before the first PDU did; or that took too long.
    #[error("the request ended before the first PDU of its channel did, or that took too long")]
    Ended,
}

/// Reads the first request of a connection as far as its first RTS PDU. What it holds is bounded by the limits of the head and one
/// small PDU, besides the last piece given.
#[derive(Debug)]
pub struct Peek {
    http: Connection,
    held: VecDeque<Bytes>,
    request: Option<(ChannelKind, Option<RpcTarget>)>,
    pdus: PdusIn,
    /// The body has ended.
    ended: bool,
    over: Option<Result<Peeked, PeekError>>,
}

impl Peek {
    /// A connection that begins at `now`, or whose next request does.
    #[must_use]
    pub fn new(now: Instant, conn: ConnectionId, limits: HttpLimits) -> Self {
        Self {
            http: Connection::server(now, conn, limits),
            held: VecDeque::new(),
            request: None,
            pdus: PdusIn::new(MAX_FIRST_PDU),
            ended: false,
            over: None,
        }
    }

    /// Takes bytes of the connection, and says what they tell; `None` until more came. Once it has told, it tells the same again.
    ///
    /// # Errors
    /// [`PeekError`].
    pub fn handle(&mut self, now: Instant, bytes: Bytes) -> Result<Option<Peeked>, PeekError> {
        self.held.push_back(bytes.clone());
        if self.over.is_none() {
            let fed = self.http.handle(now, bytes);
            self.over = self.read().transpose();
            if let (None, Err(error)) = (&self.over, fed) {
                self.over = Some(Err(PeekError::Http(error)));
            }
        }
        self.over.clone().transpose()
    }

    /// Takes the passing of time: a head that does not come, or a first PDU. Early, it does nothing.
    ///
    /// # Errors
    /// [`PeekError::Ended`] when it is too late.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), PeekError> {
        if self.over.is_some() {
            return Ok(());
        }
        self.http.handle_timeout(now);
        match self.http.ended() {
            Some(_) => {
                self.over = Some(Err(PeekError::Ended));
                Err(PeekError::Ended)
            }
            None => Ok(()),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` is never, and so once it has told.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.over.is_some() { None } else { self.http.poll_timeout() }
    }

    /// The bytes as they came, in the pieces in which they came: what is to be forwarded in front of all that follows.
    pub fn take(&mut self) -> impl Iterator<Item = Bytes> + use<> {
        std::mem::take(&mut self.held).into_iter()
    }

    fn read(&mut self) -> Result<Option<Peeked>, PeekError> {
        while let Some(event) = self.http.poll_event() {
            match event {
                HttpEvent::Head(Head::Request(head)) => {
                    let expects = head
                        .fields()
                        .text(name::EXPECT)
                        .is_some_and(|value| value.trim().eq_ignore_ascii_case("100-continue"));
                    let (kind, rpc) = match ChannelRequest::parse(&head)? {
                        ChannelRequest::Echo { kind } => {
                            let query = head.target().split_once('?').and_then(|(_, query)| query.parse().ok());
                            return Ok(Some(Peeked { kind, rpc: query, first: FirstPdu::NotYet }));
                        }
                        ChannelRequest::In { rpc, .. } => (ChannelKind::In, Some(rpc)),
                        ChannelRequest::Out { rpc, .. } => (ChannelKind::Out, Some(rpc)),
                    };
                    if expects {
                        return Ok(Some(Peeked { kind, rpc, first: FirstPdu::NotYet }));
                    }
                    self.request = Some((kind, rpc));
                }
                HttpEvent::Body(piece) => self.pdus.push(piece),
                HttpEvent::End => self.ended = true,
                HttpEvent::Reset(_) if self.http.fault().is_none() => return Err(PeekError::Ended),
                _ => {}
            }
        }
        let Some((kind, rpc)) = self.request.clone() else { return Ok(None) };
        let pdu = self.pdus.next_pdu().map_err(|error| PeekError::Stream { kind, error })?;
        match pdu {
            None if self.ended => Err(PeekError::Ended),
            None => Ok(None),
            Some(pdu) => first_pdu(kind, &pdu).map(|first| Some(Peeked { kind, rpc, first })),
        }
    }
}

fn first_pdu(kind: ChannelKind, pdu: &ChannelPdu) -> Result<FirstPdu, PeekError> {
    let bytes = pdu.bytes();
    let signature = match pdu {
        ChannelPdu::Rts(pdu) => {
            decode_all::<RtsPdu<'_>>(pdu, &Limits::DEFAULT).ok().and_then(|pdu| Signature::of(&pdu))
        }
        ChannelPdu::Rpc(_) => None,
    };
    let expected = match kind {
        ChannelKind::In => "a CONN/B1, IN_R1/A1 or IN_R2/A1 RTS PDU",
        ChannelKind::Out => "a CONN/A1, OUT_R1/A3 or OUT_R2/A3 RTS PDU",
    };
    // The first of the names that share the signature stands for all.
    match (kind, signature.and_then(|signature| signature.names().next())) {
        (ChannelKind::Out, Some(PduName::ConnA1)) => {
            let a1 = decode_all::<ConnA1>(bytes, &Limits::DEFAULT)?;
            let (virtual_connection, channel) = (a1.virtual_connection_cookie.0, a1.out_channel_cookie.0);
            Ok(FirstPdu::Conn { virtual_connection, channel, association_group: None })
        }
        (ChannelKind::In, Some(PduName::ConnB1)) => {
            let b1 = decode_all::<ConnB1>(bytes, &Limits::DEFAULT)?;
            let (virtual_connection, channel) = (b1.virtual_connection_cookie.0, b1.in_channel_cookie.0);
            Ok(FirstPdu::Conn { virtual_connection, channel, association_group: Some(b1.association_group_id.0) })
        }
        (ChannelKind::In, Some(PduName::InR1A1)) => {
            let a1 = decode_all::<InR1A1>(bytes, &Limits::DEFAULT)?;
            Ok(FirstPdu::Recycling {
                virtual_connection: a1.virtual_connection_cookie.0,
                predecessor: a1.predecessor_channel_cookie.0,
                successor: a1.successor_channel_cookie.0,
            })
        }
        (ChannelKind::Out, Some(PduName::OutR1A3)) => {
            let a3 = decode_all::<OutR1A3>(bytes, &Limits::DEFAULT)?;
            Ok(FirstPdu::Recycling {
                virtual_connection: a3.virtual_connection_cookie.0,
                predecessor: a3.predecessor_channel_cookie.0,
                successor: a3.successor_channel_cookie.0,
            })
        }
        _ => Err(PeekError::FirstPdu { kind, expected, found: fault::pdu_name(bytes).into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rts::{AssociationGroupId, ChannelLifetime, ClientKeepalive, Cookie, ReceiveWindowSize, Version};
    use oxwire_core::{Encode, encode_to_bytes};
    use std::time::Duration;

    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn start() -> Instant {
        Instant::now()
    }

    fn cookie(number: u8) -> Cookie {
        Cookie(RtsCookie([number; 16]))
    }

    fn request(method: &str, length: &str, more: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "{method} /rpc/rpcproxy.dll?mbx1:6001 HTTP/1.1\r\nhost: x\r\nContent-Length: {length}\r\n{more}\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    fn b1() -> Vec<u8> {
        let pdu = ConnB1 {
            version: Version(1),
            virtual_connection_cookie: cookie(1),
            in_channel_cookie: cookie(2),
            channel_lifetime: ChannelLifetime(0x2_0000),
            client_keepalive: ClientKeepalive(300_000),
            association_group_id: AssociationGroupId(RtsCookie([3; 16])),
        };
        encode_to_bytes(&pdu).unwrap().to_vec()
    }

    fn peek() -> Peek {
        Peek::new(start(), ConnectionId::new(1), HttpLimits::DEFAULT)
    }

    fn first(method: &str, length: &str, pdu: &impl Encode) -> Result<Option<Peeked>, PeekError> {
        let body = encode_to_bytes(pdu).unwrap();
        peek().handle(start(), request(method, length, "", &body).into())
    }

    /// Wherever the bytes are cut: the same answer at the same byte, and every byte back.
    #[test]
    fn any_chunking_gives_the_same_answer_and_every_byte_back() {
        let behind = [7; 40];
        let stream = [&request("RPC_IN_DATA", "131072", "", &b1())[..], &behind].concat();
        let expected = Peeked {
            kind: ChannelKind::In,
            rpc: Some("mbx1:6001".parse().unwrap()),
            first: FirstPdu::Conn {
                virtual_connection: RtsCookie([1; 16]),
                channel: RtsCookie([2; 16]),
                association_group: Some(RtsCookie([3; 16])),
            },
        };
        for size in 1..=stream.len() {
            let (mut peek, mut seen) = (peek(), 0);
            let mut told = None;
            for piece in stream.chunks(size) {
                seen += piece.len();
                told = peek.handle(start(), Bytes::copy_from_slice(piece)).unwrap();
                assert_eq!(told.is_some(), seen >= stream.len() - behind.len(), "pieces of {size}");
            }
            assert_eq!(told.as_ref(), Some(&expected));
            assert_eq!(peek.take().flatten().collect::<Vec<_>>(), stream);
            assert_eq!(peek.poll_timeout(), None);
        }
    }

    #[test]
    fn every_pdu_that_begins_a_channel() {
        let a1 = ConnA1 {
            version: Version(1),
            virtual_connection_cookie: cookie(1),
            out_channel_cookie: cookie(2),
            receive_window_size: ReceiveWindowSize(65_536),
        };
        let conn = FirstPdu::Conn {
            virtual_connection: RtsCookie([1; 16]),
            channel: RtsCookie([2; 16]),
            association_group: None,
        };
        assert_eq!(first("RPC_OUT_DATA", "76", &a1).unwrap().unwrap().first, conn);
        let a1 = InR1A1 {
            version: Version(1),
            virtual_connection_cookie: cookie(1),
            predecessor_channel_cookie: cookie(2),
            successor_channel_cookie: cookie(3),
        };
        let recycling = FirstPdu::Recycling {
            virtual_connection: RtsCookie([1; 16]),
            predecessor: RtsCookie([2; 16]),
            successor: RtsCookie([3; 16]),
        };
        assert_eq!(first("RPC_IN_DATA", "131072", &a1).unwrap().unwrap().first, recycling);
        let a3 = OutR1A3 {
            version: Version(1),
            virtual_connection_cookie: cookie(1),
            predecessor_channel_cookie: cookie(2),
            successor_channel_cookie: cookie(3),
            outbound_proxy_receive_window_size: ReceiveWindowSize(65_536),
        };
        let peeked = first("RPC_OUT_DATA", "120", &a3).unwrap().unwrap();
        assert_eq!((peeked.first, peeked.first.virtual_connection()), (recycling, Some(RtsCookie([1; 16]))));
    }

    /// RCA's echo, a leg of NTLM, impacket's `Expect`: no cookie yet, and the host where there is one.
    #[test]
    fn rca_and_impacket_begin_without_a_pdu() {
        for (method, length, more) in [
            ("RPC_IN_DATA", "4", ""),
            ("RPC_OUT_DATA", "0", "Authorization: NTLM TlRMTVNTUAAB\r\n"),
            ("RPC_IN_DATA", "0", "Expect: 100-continue\r\n"),
            ("RPC_IN_DATA", "1073741824", "Expect: 100-continue\r\n"),
        ] {
            let told = peek().handle(start(), request(method, length, more, b"").into()).unwrap().unwrap();
            assert_eq!(
                (told.first, told.rpc),
                (FirstPdu::NotYet, Some("mbx1:6001".parse().unwrap())),
                "{method} {length}"
            );
        }
        let bare = b"RPC_IN_DATA /rpc/rpcproxy.dll HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
        let told = peek().handle(start(), Bytes::from_static(bare)).unwrap().unwrap();
        assert_eq!(told.rpc, None);
    }

    #[test]
    fn what_begins_no_channel_is_an_error_and_the_bytes_come_back() {
        let ping = [5, 0, 20, 3, 0x10, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        let mut long = b1();
        long[8..10].copy_from_slice(&[1, 1]);
        for (bytes, words) in [
            (request("RPC_IN_DATA", "131072", "", &ping), &["CONN/B1", "Ping", "IN channel"][..]),
            (request("RPC_OUT_DATA", "76", "", &b1()[..76]), &["ended before"]),
            (request("RPC_OUT_DATA", "120", "", &b1()[..]), &["CONN/A1", "CONN/B1", "OUT channel"]),
            (request("RPC_IN_DATA", "131072", "", &long), &["257", "256"]),
            (request("RPC_IN_DATA", "131072", "", &[0; 16]), &["rpc_vers"]),
            (request("RPC_IN_DATA", "17", "", b""), &["Content-Length", "17"]),
            (request("POST", "0", "", b""), &["RPC_IN_DATA"]),
            (b"GET / HTTP/9.9\r\n\r\n".to_vec(), &["HTTP/1.0"]),
        ] {
            let mut peek = peek();
            let error = peek.handle(start(), bytes.clone().into()).unwrap_err();
            for word in words {
                assert!(error.to_string().contains(word), "{word}: {error}");
            }
            assert_eq!(peek.handle(start(), Bytes::from_static(b"more")), Err(error));
            assert_eq!(peek.take().flatten().collect::<Vec<_>>(), [&bytes[..], b"more"].concat());
        }
    }

    #[test]
    fn it_does_not_wait_for_ever() {
        let now = start();
        let mut peek = Peek::new(now, ConnectionId::new(1), HttpLimits::DEFAULT);
        peek.handle_timeout(now + Duration::from_secs(29)).unwrap();
        assert_eq!(peek.poll_timeout(), Some(now + Duration::from_secs(30)));
        assert_eq!(peek.handle_timeout(now + Duration::from_secs(30)), Err(PeekError::Ended));
        assert_eq!(peek.poll_timeout(), None);
    }
}
