//! What tells RTS PDUs apart, [MS-RPCH] 2.2.4.1: flags, and the types of the commands in their order.

use std::fmt;

use super::{CommandType, RtsFlags, RtsPdu};

/// The 50 names, [MS-RPCH] 2.2.4.2 to 2.2.4.51.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PduName {
    /// CONN/A1, 2.2.4.2
    ConnA1,
    /// CONN/A2, 2.2.4.3
    ConnA2,
    /// CONN/A3, 2.2.4.4
    ConnA3,
    /// CONN/B1, 2.2.4.5
    ConnB1,
    /// CONN/B2, 2.2.4.6
    ConnB2,
    /// CONN/B3, 2.2.4.7
    ConnB3,
    /// CONN/C1, 2.2.4.8
    ConnC1,
    /// CONN/C2, 2.2.4.9
    ConnC2,
    /// IN_R1/A1, 2.2.4.10
    InR1A1,
    /// IN_R1/A2, 2.2.4.11
    InR1A2,
    /// IN_R1/A3, 2.2.4.12
    InR1A3,
    /// IN_R1/A4, 2.2.4.13
    InR1A4,
    /// IN_R1/A5, 2.2.4.14
    InR1A5,
    /// IN_R1/A6, 2.2.4.15
    InR1A6,
    /// IN_R1/B1, 2.2.4.16
    InR1B1,
    /// IN_R1/B2, 2.2.4.17
    InR1B2,
    /// IN_R2/A1, 2.2.4.18
    InR2A1,
    /// IN_R2/A2, 2.2.4.19
    InR2A2,
    /// IN_R2/A3, 2.2.4.20
    InR2A3,
    /// IN_R2/A4, 2.2.4.21
    InR2A4,
    /// IN_R2/A5, 2.2.4.22
    InR2A5,
    /// OUT_R1/A1, 2.2.4.23
    OutR1A1,
    /// OUT_R1/A2, 2.2.4.24
    OutR1A2,
    /// OUT_R1/A3, 2.2.4.25
    OutR1A3,
    /// OUT_R1/A4, 2.2.4.26
    OutR1A4,
    /// OUT_R1/A5, 2.2.4.27
    OutR1A5,
    /// OUT_R1/A6, 2.2.4.28
    OutR1A6,
    /// OUT_R1/A7, 2.2.4.29
    OutR1A7,
    /// OUT_R1/A8, 2.2.4.30
    OutR1A8,
    /// OUT_R1/A9, 2.2.4.31
    OutR1A9,
    /// OUT_R1/A10, 2.2.4.32
    OutR1A10,
    /// OUT_R1/A11, 2.2.4.33
    OutR1A11,
    /// OUT_R2/A1, 2.2.4.34
    OutR2A1,
    /// OUT_R2/A2, 2.2.4.35
    OutR2A2,
    /// OUT_R2/A3, 2.2.4.36
    OutR2A3,
    /// OUT_R2/A4, 2.2.4.37
    OutR2A4,
    /// OUT_R2/A5, 2.2.4.38
    OutR2A5,
    /// OUT_R2/A6, 2.2.4.39
    OutR2A6,
    /// OUT_R2/A7, 2.2.4.40
    OutR2A7,
    /// OUT_R2/A8, 2.2.4.41
    OutR2A8,
    /// OUT_R2/B1, 2.2.4.42
    OutR2B1,
    /// OUT_R2/B2, 2.2.4.43
    OutR2B2,
    /// OUT_R2/B3, 2.2.4.44
    OutR2B3,
    /// OUT_R2/C1, 2.2.4.45
    OutR2C1,
    /// Keep-Alive, 2.2.4.46
    KeepAlive,
    /// Ping Traffic Sent Notify, 2.2.4.47
    PingTrafficSentNotify,
    /// Echo, 2.2.4.48
    Echo,
    /// Ping, 2.2.4.49
    Ping,
    /// FlowControlAck, 2.2.4.50
    FlowControlAck,
    /// FlowControlAckWithDestination, 2.2.4.51
    FlowControlAckWithDestination,
}

impl PduName {
    const fn name_and_spec(self) -> (&'static str, &'static str) {
        match self {
            Self::ConnA1 => ("CONN/A1", "[MS-RPCH] 2.2.4.2"),
            Self::ConnA2 => ("CONN/A2", "[MS-RPCH] 2.2.4.3"),
            Self::ConnA3 => ("CONN/A3", "[MS-RPCH] 2.2.4.4"),
            Self::ConnB1 => ("CONN/B1", "[MS-RPCH] 2.2.4.5"),
            Self::ConnB2 => ("CONN/B2", "[MS-RPCH] 2.2.4.6"),
            Self::ConnB3 => ("CONN/B3", "[MS-RPCH] 2.2.4.7"),
            Self::ConnC1 => ("CONN/C1", "[MS-RPCH] 2.2.4.8"),
            Self::ConnC2 => ("CONN/C2", "[MS-RPCH] 2.2.4.9"),
            Self::InR1A1 => ("IN_R1/A1", "[MS-RPCH] 2.2.4.10"),
            Self::InR1A2 => ("IN_R1/A2", "[MS-RPCH] 2.2.4.11"),
            Self::InR1A3 => ("IN_R1/A3", "[MS-RPCH] 2.2.4.12"),
            Self::InR1A4 => ("IN_R1/A4", "[MS-RPCH] 2.2.4.13"),
            Self::InR1A5 => ("IN_R1/A5", "[MS-RPCH] 2.2.4.14"),
            Self::InR1A6 => ("IN_R1/A6", "[MS-RPCH] 2.2.4.15"),
            Self::InR1B1 => ("IN_R1/B1", "[MS-RPCH] 2.2.4.16"),
            Self::InR1B2 => ("IN_R1/B2", "[MS-RPCH] 2.2.4.17"),
            Self::InR2A1 => ("IN_R2/A1", "[MS-RPCH] 2.2.4.18"),
            Self::InR2A2 => ("IN_R2/A2", "[MS-RPCH] 2.2.4.19"),
            Self::InR2A3 => ("IN_R2/A3", "[MS-RPCH] 2.2.4.20"),
            Self::InR2A4 => ("IN_R2/A4", "[MS-RPCH] 2.2.4.21"),
            Self::InR2A5 => ("IN_R2/A5", "[MS-RPCH] 2.2.4.22"),
            Self::OutR1A1 => ("OUT_R1/A1", "[MS-RPCH] 2.2.4.23"),
            Self::OutR1A2 => ("OUT_R1/A2", "[MS-RPCH] 2.2.4.24"),
            Self::OutR1A3 => ("OUT_R1/A3", "[MS-RPCH] 2.2.4.25"),
            Self::OutR1A4 => ("OUT_R1/A4", "[MS-RPCH] 2.2.4.26"),
            Self::OutR1A5 => ("OUT_R1/A5", "[MS-RPCH] 2.2.4.27"),
            Self::OutR1A6 => ("OUT_R1/A6", "[MS-RPCH] 2.2.4.28"),
            Self::OutR1A7 => ("OUT_R1/A7", "[MS-RPCH] 2.2.4.29"),
            Self::OutR1A8 => ("OUT_R1/A8", "[MS-RPCH] 2.2.4.30"),
            Self::OutR1A9 => ("OUT_R1/A9", "[MS-RPCH] 2.2.4.31"),
            Self::OutR1A10 => ("OUT_R1/A10", "[MS-RPCH] 2.2.4.32"),
            Self::OutR1A11 => ("OUT_R1/A11", "[MS-RPCH] 2.2.4.33"),
            Self::OutR2A1 => ("OUT_R2/A1", "[MS-RPCH] 2.2.4.34"),
            Self::OutR2A2 => ("OUT_R2/A2", "[MS-RPCH] 2.2.4.35"),
            Self::OutR2A3 => ("OUT_R2/A3", "[MS-RPCH] 2.2.4.36"),
            Self::OutR2A4 => ("OUT_R2/A4", "[MS-RPCH] 2.2.4.37"),
            Self::OutR2A5 => ("OUT_R2/A5", "[MS-RPCH] 2.2.4.38"),
            Self::OutR2A6 => ("OUT_R2/A6", "[MS-RPCH] 2.2.4.39"),
            Self::OutR2A7 => ("OUT_R2/A7", "[MS-RPCH] 2.2.4.40"),
            Self::OutR2A8 => ("OUT_R2/A8", "[MS-RPCH] 2.2.4.41"),
            Self::OutR2B1 => ("OUT_R2/B1", "[MS-RPCH] 2.2.4.42"),
            Self::OutR2B2 => ("OUT_R2/B2", "[MS-RPCH] 2.2.4.43"),
            Self::OutR2B3 => ("OUT_R2/B3", "[MS-RPCH] 2.2.4.44"),
            Self::OutR2C1 => ("OUT_R2/C1", "[MS-RPCH] 2.2.4.45"),
            Self::KeepAlive => ("Keep-Alive", "[MS-RPCH] 2.2.4.46"),
            Self::PingTrafficSentNotify => ("Ping Traffic Sent Notify", "[MS-RPCH] 2.2.4.47"),
            Self::Echo => ("Echo", "[MS-RPCH] 2.2.4.48"),
            Self::Ping => ("Ping", "[MS-RPCH] 2.2.4.49"),
            Self::FlowControlAck => ("FlowControlAck", "[MS-RPCH] 2.2.4.50"),
            Self::FlowControlAckWithDestination => ("FlowControlAckWithDestination", "[MS-RPCH] 2.2.4.51"),
        }
    }

    /// The specification's name: `CONN/A1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name_and_spec().0
    }

    /// The section that lays it out.
    #[must_use]
    pub const fn spec(self) -> &'static str {
        self.name_and_spec().1
    }
}

impl fmt::Display for PduName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Name, flags and commands of each PDU; OUT_R2/C1 has two forms.
const TABLE: &[(PduName, RtsFlags, &[CommandType])] = &[
    (
        PduName::ConnA1,
        RtsFlags::NONE,
        &[CommandType::Version, CommandType::Cookie, CommandType::Cookie, CommandType::ReceiveWindowSize],
    ),
    (
        PduName::ConnA2,
        RtsFlags::NONE.with(RtsFlags::OUT_CHANNEL),
        &[
            CommandType::Version,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::ChannelLifetime,
            CommandType::ReceiveWindowSize,
        ],
    ),
    (PduName::ConnA3, RtsFlags::NONE, &[CommandType::ConnectionTimeout]),
    (
        PduName::ConnB1,
        RtsFlags::NONE,
        &[
            CommandType::Version,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::ChannelLifetime,
            CommandType::ClientKeepalive,
            CommandType::AssociationGroupId,
        ],
    ),
    (
        PduName::ConnB2,
        RtsFlags::NONE.with(RtsFlags::IN_CHANNEL),
        &[
            CommandType::Version,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::ReceiveWindowSize,
            CommandType::ConnectionTimeout,
            CommandType::AssociationGroupId,
            CommandType::ClientAddress,
        ],
    ),
    (PduName::ConnB3, RtsFlags::NONE, &[CommandType::ReceiveWindowSize, CommandType::Version]),
    (
        PduName::ConnC1,
        RtsFlags::NONE,
        &[CommandType::Version, CommandType::ReceiveWindowSize, CommandType::ConnectionTimeout],
    ),
    (
        PduName::ConnC2,
        RtsFlags::NONE,
        &[CommandType::Version, CommandType::ReceiveWindowSize, CommandType::ConnectionTimeout],
    ),
    (
        PduName::InR1A1,
        RtsFlags::NONE.with(RtsFlags::RECYCLE_CHANNEL),
        &[CommandType::Version, CommandType::Cookie, CommandType::Cookie, CommandType::Cookie],
    ),
    (
        PduName::InR1A2,
        RtsFlags::NONE.with(RtsFlags::IN_CHANNEL).with(RtsFlags::RECYCLE_CHANNEL),
        &[
            CommandType::Version,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::ReceiveWindowSize,
            CommandType::ConnectionTimeout,
        ],
    ),
    (
        PduName::InR1A3,
        RtsFlags::NONE,
        &[
            CommandType::Destination,
            CommandType::Version,
            CommandType::ReceiveWindowSize,
            CommandType::ConnectionTimeout,
        ],
    ),
    (
        PduName::InR1A4,
        RtsFlags::NONE,
        &[
            CommandType::Destination,
            CommandType::Version,
            CommandType::ReceiveWindowSize,
            CommandType::ConnectionTimeout,
        ],
    ),
    (PduName::InR1A5, RtsFlags::NONE, &[CommandType::Cookie]),
    (PduName::InR1A6, RtsFlags::NONE, &[CommandType::Cookie]),
    (PduName::InR1B1, RtsFlags::NONE, &[CommandType::Empty]),
    (PduName::InR1B2, RtsFlags::NONE, &[CommandType::ReceiveWindowSize]),
    (
        PduName::InR2A1,
        RtsFlags::NONE.with(RtsFlags::RECYCLE_CHANNEL),
        &[CommandType::Version, CommandType::Cookie, CommandType::Cookie, CommandType::Cookie],
    ),
    (PduName::InR2A2, RtsFlags::NONE, &[CommandType::Cookie]),
    (PduName::InR2A3, RtsFlags::NONE, &[CommandType::Destination]),
    (PduName::InR2A4, RtsFlags::NONE, &[CommandType::Destination]),
    (PduName::InR2A5, RtsFlags::NONE, &[CommandType::Cookie]),
    (PduName::OutR1A1, RtsFlags::NONE.with(RtsFlags::RECYCLE_CHANNEL), &[CommandType::Destination]),
    (PduName::OutR1A2, RtsFlags::NONE.with(RtsFlags::RECYCLE_CHANNEL), &[CommandType::Destination]),
    (
        PduName::OutR1A3,
        RtsFlags::NONE.with(RtsFlags::RECYCLE_CHANNEL),
        &[
            CommandType::Version,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::ReceiveWindowSize,
        ],
    ),
    (
        PduName::OutR1A4,
        RtsFlags::NONE.with(RtsFlags::RECYCLE_CHANNEL).with(RtsFlags::OUT_CHANNEL),
        &[
            CommandType::Version,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::ChannelLifetime,
            CommandType::ReceiveWindowSize,
            CommandType::ConnectionTimeout,
        ],
    ),
    (
        PduName::OutR1A5,
        RtsFlags::NONE.with(RtsFlags::OUT_CHANNEL),
        &[CommandType::Destination, CommandType::Version, CommandType::ConnectionTimeout],
    ),
    (
        PduName::OutR1A6,
        RtsFlags::NONE.with(RtsFlags::OUT_CHANNEL),
        &[CommandType::Destination, CommandType::Version, CommandType::ConnectionTimeout],
    ),
    (PduName::OutR1A7, RtsFlags::NONE.with(RtsFlags::OUT_CHANNEL), &[CommandType::Destination, CommandType::Cookie]),
    (PduName::OutR1A8, RtsFlags::NONE.with(RtsFlags::OUT_CHANNEL), &[CommandType::Destination, CommandType::Cookie]),
    (PduName::OutR1A9, RtsFlags::NONE, &[CommandType::Ance]),
    (PduName::OutR1A10, RtsFlags::NONE, &[CommandType::Ance]),
    (PduName::OutR1A11, RtsFlags::NONE, &[CommandType::Ance]),
    (PduName::OutR2A1, RtsFlags::NONE.with(RtsFlags::RECYCLE_CHANNEL), &[CommandType::Destination]),
    (PduName::OutR2A2, RtsFlags::NONE.with(RtsFlags::RECYCLE_CHANNEL), &[CommandType::Destination]),
    (
        PduName::OutR2A3,
        RtsFlags::NONE.with(RtsFlags::RECYCLE_CHANNEL),
        &[
            CommandType::Version,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::ReceiveWindowSize,
        ],
    ),
    (PduName::OutR2A4, RtsFlags::NONE, &[CommandType::Cookie]),
    (PduName::OutR2A5, RtsFlags::NONE, &[CommandType::Destination, CommandType::Ance]),
    (PduName::OutR2A6, RtsFlags::NONE, &[CommandType::Destination, CommandType::Ance]),
    (
        PduName::OutR2A7,
        RtsFlags::NONE.with(RtsFlags::OUT_CHANNEL),
        &[CommandType::Destination, CommandType::Cookie, CommandType::Version],
    ),
    (PduName::OutR2A8, RtsFlags::NONE.with(RtsFlags::OUT_CHANNEL), &[CommandType::Destination, CommandType::Cookie]),
    (PduName::OutR2B1, RtsFlags::NONE, &[CommandType::Ance]),
    (PduName::OutR2B2, RtsFlags::NONE, &[CommandType::NegativeAnce]),
    (PduName::OutR2B3, RtsFlags::NONE.with(RtsFlags::EOF), &[CommandType::Ance]),
    (PduName::OutR2C1, RtsFlags::NONE.with(RtsFlags::PING), &[CommandType::Empty]),
    (PduName::OutR2C1, RtsFlags::NONE.with(RtsFlags::PING), &[CommandType::Padding]),
    (PduName::KeepAlive, RtsFlags::NONE.with(RtsFlags::OTHER_CMD), &[CommandType::ClientKeepalive]),
    (PduName::PingTrafficSentNotify, RtsFlags::NONE.with(RtsFlags::OTHER_CMD), &[CommandType::PingTrafficSentNotify]),
    (PduName::Echo, RtsFlags::NONE.with(RtsFlags::ECHO), &[]),
    (PduName::Ping, RtsFlags::NONE.with(RtsFlags::PING), &[]),
    (PduName::FlowControlAck, RtsFlags::NONE.with(RtsFlags::OTHER_CMD), &[CommandType::FlowControlAck]),
    (
        PduName::FlowControlAckWithDestination,
        RtsFlags::NONE.with(RtsFlags::OTHER_CMD),
        &[CommandType::Destination, CommandType::FlowControlAck],
    ),
];

/// What an RTS PDU can be told by without knowing role, channel and state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    flags: RtsFlags,
    commands: &'static [CommandType],
}

impl Signature {
    /// The signature of a PDU, or `None` where no section of 2.2.4 has such flags and commands.
    #[must_use]
    pub fn of(pdu: &RtsPdu<'_>) -> Option<Self> {
        let fits = |commands: &[CommandType]| {
            commands.len() == usize::from(pdu.header().number_of_commands)
                && commands.iter().copied().eq(pdu.commands().map(|command| command.command_type()))
        };
        TABLE
            .iter()
            .find(|(_, flags, commands)| *flags == pdu.flags() && fits(commands))
            .map(|(_, flags, commands)| Self { flags: *flags, commands })
    }

    /// Every name that has this signature, in the order of the sections.
    pub fn names(self) -> impl Iterator<Item = PduName> {
        TABLE
            .iter()
            .filter(move |(_, flags, commands)| *flags == self.flags && *commands == self.commands)
            .map(|(name, _, _)| *name)
    }

    /// Whether this is one of its names.
    #[must_use]
    pub fn is(self, name: PduName) -> bool {
        self.names().any(|candidate| candidate == name)
    }

    /// The flags.
    #[must_use]
    pub const fn flags(self) -> RtsFlags {
        self.flags
    }

    /// The types of the commands, in order.
    #[must_use]
    pub const fn commands(self) -> &'static [CommandType] {
        self.commands
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names().map(PduName::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// quirks: the 50 RTS PDUs have 31 distinct signatures. OUT_R2/C1 in its Padding form is not among them: the size that its
    /// section asks for is reached with Empty.
    #[test]
    fn fifty_names_thirty_one_signatures() {
        let mut names: Vec<_> = TABLE.iter().map(|(name, ..)| *name).collect();
        names.dedup();
        assert_eq!(names.len(), 50);
        let mut signatures: Vec<_> = TABLE
            .iter()
            .filter(|(_, _, commands)| *commands != [CommandType::Padding])
            .map(|(_, flags, commands)| (flags.0, *commands))
            .collect();
        signatures.sort_unstable();
        signatures.dedup();
        assert_eq!(signatures.len(), 31);
    }
}
