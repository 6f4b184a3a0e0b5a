//! RTS commands, [MS-RPCH] 2.2.3.5.

use std::fmt;

use oxwire_core::{
    Decode, DecodeError, DecodeErrorKind, Encode, EncodeError, EncodeErrorKind, Entropy, Reader, Structure, Writer,
};

use super::ClientAddress;

/// An RTS cookie, [MS-RPCH] 2.2.3.1: 16 bytes that name a virtual connection, a channel or an association group.
///
/// It is what a successor channel is recognised by, so it is a secret between the parties: `Debug` shows its first two bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RtsCookie(pub [u8; 16]);

impl RtsCookie {
    /// A new one, from the caller's entropy.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Debug for RtsCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0;
        write!(f, "RtsCookie({a:02x}{b:02x}..)")
    }
}

/// Where a PDU is to be forwarded, [MS-RPCH] 2.2.3.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ForwardDestination(u32);

impl ForwardDestination {
    /// FDClient
    pub const CLIENT: Self = Self(0);
    /// FDInProxy
    pub const IN_PROXY: Self = Self(1);
    /// FDServer
    pub const SERVER: Self = Self(2);
    /// FDOutProxy
    pub const OUT_PROXY: Self = Self(3);

    /// The number on the wire.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for ForwardDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::CLIENT => "FDClient",
            Self::IN_PROXY => "FDInProxy",
            Self::SERVER => "FDServer",
            _ => "FDOutProxy",
        })
    }
}

/// The type of a command, [MS-RPCH] 2.2.3.5. Closed: a type that is not in the table has no known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum CommandType {
    /// 2.2.3.5.1
    ReceiveWindowSize = 0,
    /// 2.2.3.5.2
    FlowControlAck = 1,
    /// 2.2.3.5.3
    ConnectionTimeout = 2,
    /// 2.2.3.5.4
    Cookie = 3,
    /// 2.2.3.5.5
    ChannelLifetime = 4,
    /// 2.2.3.5.6
    ClientKeepalive = 5,
    /// 2.2.3.5.7
    Version = 6,
    /// 2.2.3.5.8
    Empty = 7,
    /// 2.2.3.5.9
    Padding = 8,
    /// 2.2.3.5.10
    NegativeAnce = 9,
    /// 2.2.3.5.11
    Ance = 10,
    /// 2.2.3.5.12
    ClientAddress = 11,
    /// 2.2.3.5.13
    AssociationGroupId = 12,
    /// 2.2.3.5.14
    Destination = 13,
    /// 2.2.3.5.15
    PingTrafficSentNotify = 14,
}

impl CommandType {
    /// All, in the order of their values.
    pub const ALL: [Self; 15] = [
        Self::ReceiveWindowSize,
        Self::FlowControlAck,
        Self::ConnectionTimeout,
        Self::Cookie,
        Self::ChannelLifetime,
        Self::ClientKeepalive,
        Self::Version,
        Self::Empty,
        Self::Padding,
        Self::NegativeAnce,
        Self::Ance,
        Self::ClientAddress,
        Self::AssociationGroupId,
        Self::Destination,
        Self::PingTrafficSentNotify,
    ];

    /// The value on the wire.
    #[must_use]
    pub const fn value(self) -> u32 {
        self as u32
    }
}

/// A type that stands in one RTS command.
pub(super) trait CommandBody: Sized + Copy {
    const TYPE: CommandType;
    fn body_len(&self) -> usize;
    fn write_body(&self, w: &mut Writer<'_>) -> Result<(), EncodeError>;
    fn read_body(r: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// Reads a command that must be of one type.
pub(super) fn read<T: CommandBody>(r: &mut Reader<'_>, expected: &'static str) -> Result<T, DecodeError> {
    let at = r.offset();
    match r.u32_le("CommandType")? {
        found if found == T::TYPE.value() => T::read_body(r),
        found => Err(r.invalid(at, "CommandType", expected, found)),
    }
}

pub(super) fn write<T: CommandBody>(w: &mut Writer<'_>, body: &T) -> Result<(), EncodeError> {
    w.u32_le(T::TYPE.value());
    body.write_body(w)
}

macro_rules! commands {
    ($($name:ident $spec:literal $doc:literal { $($field:ident : $ty:ty = $wire:literal, $len:literal, $read:expr, $write:expr)? })*) => {
        $(
            #[doc = $doc]
            #[doc = ""]
            #[doc = concat!("[MS-RPCH] ", $spec)]
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub struct $name $((
                #[doc = $wire]
                pub $ty,
            ))?;

            impl CommandBody for $name {
                const TYPE: CommandType = CommandType::$name;

                fn body_len(&self) -> usize {
                    0 $(+ { let _: &$ty = &self.0; $len })?
                }

                fn write_body(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
                    let _ = &w;
                    $( let write: fn(&mut Writer<'_>, $ty) -> Result<(), EncodeError> = $write; write(w, self.0)?; )?
                    Ok(())
                }

                fn read_body(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                    let _ = &r;
                    Ok(Self $(({
                        let read: fn(&mut Reader<'_>) -> Result<$ty, DecodeError> = $read;
                        read(r)?
                    }))?)
                }
            }
        )*
    };
}

fn put_u32(w: &mut Writer<'_>, value: u32) -> Result<(), EncodeError> {
    w.u32_le(value);
    Ok(())
}

fn put_cookie(w: &mut Writer<'_>, cookie: RtsCookie) -> Result<(), EncodeError> {
    w.bytes(&cookie.0);
    Ok(())
}

fn ranged(
    r: &mut Reader<'_>,
    field: &'static str,
    range: std::ops::RangeInclusive<u32>,
    expected: &'static str,
) -> Result<u32, DecodeError> {
    let at = r.offset();
    let value = r.u32_le(field)?;
    if range.contains(&value) { Ok(value) } else { Err(r.invalid(at, field, expected, value)) }
}

commands! {
    ReceiveWindowSize "2.2.3.5.1" "How many bytes a party takes before it has to acknowledge." {
        bytes: u32 = "Bytes; 8,192 to 262,144 when sent.", 4, |r| r.u32_le("ReceiveWindowSize"), put_u32
    }
    ConnectionTimeout "2.2.3.5.3" "How long a channel may be silent." {
        milliseconds: u32 = "Milliseconds, 120,000 to 14,400,000.", 4,
        |r| ranged(r, "ConnectionTimeout", 120_000..=14_400_000, "120000 to 14400000 milliseconds"), put_u32
    }
    Cookie "2.2.3.5.4" "An RTS cookie; its place among the commands says what it names." {
        cookie: RtsCookie = "The cookie.", 16, |r| r.array("Cookie").map(RtsCookie), put_cookie
    }
    ChannelLifetime "2.2.3.5.5" "How many bytes a channel carries before it is recycled." {
        bytes: u32 = "Bytes, 131,072 to 2,147,483,648.", 4,
        |r| ranged(r, "ChannelLifetime", 0x2_0000..=0x8000_0000, "131072 to 2147483648 bytes"), put_u32
    }
    ClientKeepalive "2.2.3.5.6" "How often the client wants the inbound proxy to send keep-alive PDUs." {
        milliseconds: u32 = "Milliseconds as sent: 0 means 300,000, and servers take what is below 60,000 as 60,000; see [`ClientKeepalive::interval_ms`].", 4,
        |r| r.u32_le("ClientKeepalive"), put_u32
    }
    Version "2.2.3.5.7" "The sender's version of RPC over HTTP v2: 1 when sent, ignored on receipt." {
        version: u32 = "The version.", 4, |r| r.u32_le("Version"), put_u32
    }
    Empty "2.2.3.5.8" "Nothing; the meaning is the context's." {}
    NegativeAnce "2.2.3.5.10" "The successor channel was not established." {}
    Ance "2.2.3.5.11" "The successor channel was established." {}
    AssociationGroupId "2.2.3.5.13" "The client's association group, for load balancing." {
        cookie: RtsCookie = "The group's cookie.", 16, |r| r.array("AssociationGroupId").map(RtsCookie), put_cookie
    }
    Destination "2.2.3.5.14" "Where the PDU is to be forwarded." {
        destination: ForwardDestination = "The destination.", 4,
        |r| ranged(r, "Destination", 0..=3, "0 (FDClient) to 3 (FDOutProxy)").map(ForwardDestination), |w, d| put_u32(w, d.0)
    }
    PingTrafficSentNotify "2.2.3.5.15" "How many bytes of pings the outbound proxy has sent since it last told." {
        bytes: u32 = "Bytes; a server bounds it (note 17).", 4, |r| r.u32_le("PingTrafficSent"), put_u32
    }
}

impl ClientKeepalive {
    /// The interval in milliseconds: 0 is 300,000 ([MS-RPCH] 2.2.3.5.6), and less than 60,000, which the section forbids and
    /// clients send, is 60,000.
    #[must_use]
    pub const fn interval_ms(self) -> u32 {
        match self.0 {
            0 => 300_000,
            1..60_000 => 60_000,
            other => other,
        }
    }
}

/// How much was received on a channel, and how much more is taken. [MS-RPCH] 2.2.3.4, 2.2.3.5.2
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowControlAck {
    /// Bytes received on the channel when this was issued.
    pub bytes_received: u32,
    /// Bytes left in the originator's ReceiveWindow.
    pub available_window: u32,
    /// The channel.
    pub channel_cookie: RtsCookie,
}

impl CommandBody for FlowControlAck {
    const TYPE: CommandType = CommandType::FlowControlAck;

    fn body_len(&self) -> usize {
        24
    }

    fn write_body(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(self.bytes_received);
        w.u32_le(self.available_window);
        put_cookie(w, self.channel_cookie)
    }

    fn read_body(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            bytes_received: r.u32_le("Bytes Received")?,
            available_window: r.u32_le("Available Window")?,
            channel_cookie: RtsCookie(r.array("ChannelCookie")?),
        })
    }
}

/// Bytes without meaning, to bring a PDU to a wanted size. [MS-RPCH] 2.2.3.5.9
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Padding(
    /// ConformanceCount: how many bytes, at most 65,535. What they are is ignored, and zero when sent.
    pub u16,
);

impl CommandBody for Padding {
    const TYPE: CommandType = CommandType::Padding;

    fn body_len(&self) -> usize {
        4 + usize::from(self.0)
    }

    fn write_body(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(u32::from(self.0));
        w.zeros(usize::from(self.0));
        Ok(())
    }

    fn read_body(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let count = r.u32_le("ConformanceCount")?;
        let count = u16::try_from(count).map_err(|_| r.invalid(at, "ConformanceCount", "0 to 0xFFFF", count))?;
        r.bytes(usize::from(count), "Padding")?;
        Ok(Self(count))
    }
}

impl CommandBody for ClientAddress {
    const TYPE: CommandType = CommandType::ClientAddress;

    fn body_len(&self) -> usize {
        self.encoded_len()
    }

    fn write_body(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.structure(self)
    }

    fn read_body(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        <Self as Decode>::decode(r)
    }
}

/// Any RTS command. [MS-RPCH] 2.2.3.5
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// 2.2.3.5.1
    ReceiveWindowSize(ReceiveWindowSize),
    /// 2.2.3.5.2
    FlowControlAck(FlowControlAck),
    /// 2.2.3.5.3
    ConnectionTimeout(ConnectionTimeout),
    /// 2.2.3.5.4
    Cookie(Cookie),
    /// 2.2.3.5.5
    ChannelLifetime(ChannelLifetime),
    /// 2.2.3.5.6
    ClientKeepalive(ClientKeepalive),
    /// 2.2.3.5.7
    Version(Version),
    /// 2.2.3.5.8
    Empty(Empty),
    /// 2.2.3.5.9
    Padding(Padding),
    /// 2.2.3.5.10
    NegativeAnce(NegativeAnce),
    /// 2.2.3.5.11
    Ance(Ance),
    /// 2.2.3.5.12
    ClientAddress(ClientAddress),
    /// 2.2.3.5.13
    AssociationGroupId(AssociationGroupId),
    /// 2.2.3.5.14
    Destination(Destination),
    /// 2.2.3.5.15
    PingTrafficSentNotify(PingTrafficSentNotify),
}

macro_rules! dispatch {
    ($($name:ident)*) => {
        impl Command {
            /// Its type.
            #[must_use]
            pub const fn command_type(&self) -> CommandType {
                match self {
                    $(Self::$name(_) => CommandType::$name,)*
                }
            }
        }

        impl Encode for Command {
            fn encoded_len(&self) -> usize {
                4 + match self {
                    $(Self::$name(body) => body.body_len(),)*
                }
            }

            fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
                match self {
                    $(Self::$name(body) => write(w, body),)*
                }
            }
        }

        impl<'de> Decode<'de> for Command {
            fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
                let at = r.offset();
                let value = r.u32_le("CommandType")?;
                $(
                    if value == CommandType::$name.value() {
                        return CommandBody::read_body(r).map(Self::$name);
                    }
                )*
                Err(r.invalid(at, "CommandType", "0 (ReceiveWindowSize) to 14 (PingTrafficSentNotify)", value))
            }
        }

        $(
            impl From<$name> for Command {
                fn from(body: $name) -> Self {
                    Self::$name(body)
                }
            }
        )*
    };
}

dispatch! {
    ReceiveWindowSize FlowControlAck ConnectionTimeout Cookie ChannelLifetime ClientKeepalive Version Empty Padding NegativeAnce
    Ance ClientAddress AssociationGroupId Destination PingTrafficSentNotify
}

impl Structure for Command {
    const NAME: &'static str = "RTS command";
    const SPEC: &'static str = "[MS-RPCH] 2.2.3.5";
}

/// An [`EncodeErrorKind`] for a PDU whose length or count does not fit its header.
pub(super) const fn too_long(w: &Writer<'_>, field: &'static str, len: usize) -> EncodeError {
    w.error(field, EncodeErrorKind::TooLong { max: u16::MAX as usize, len })
}

/// The error for a PDU that does not hold the commands that its section lists.
pub(super) const fn wrong_signature(r: &Reader<'_>, offset: usize, expected: &'static str, found: u64) -> DecodeError {
    r.error_at(offset, "Flags and commands", DecodeErrorKind::Value { expected, found })
}
