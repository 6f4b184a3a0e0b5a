//! bind, bind_ack, alter_context and alter_context_resp, \[C706\] 12.6.4.1 to 12.6.4.4.

use std::fmt;

use oxwire_core::{DecodeError, EncodeError, Guid, Reader, Structure, Writer};

use super::{BindTimeFeatures, DataRepresentation};

/// p_syntax_id_t, RPC_SYNTAX_IDENTIFIER: an interface or a transfer syntax. \[C706\] 12.6.3.1, [MS-RPCE] 2.2.2.7
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SyntaxIdentifier {
    /// The UUID.
    pub uuid: Guid,
    /// The version: major in the low 16 bits, minor in the high ones.
    pub version: u32,
}

/// NDR 2.0, \[C706\] 14.1: the transfer syntax that is spoken here.
pub const TRANSFER_SYNTAX_NDR: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0x8a88_5d04, 0x1ceb, 0x11c9, [0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60]),
    version: 2,
};

/// NDR64 1.0, [MS-RPCE] 2.2.5.1: offered by Windows clients, not spoken here.
pub const TRANSFER_SYNTAX_NDR64: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0x7171_0533, 0xbeba, 0x4937, [0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36]),
    version: 1,
};

impl SyntaxIdentifier {
    const LEN: usize = 20;

    /// An interface of that major and minor version.
    #[must_use]
    pub fn new(uuid: Guid, major: u16, minor: u16) -> Self {
        Self { uuid, version: u32::from(minor) << 16 | u32::from(major) }
    }

    fn read(r: &mut Reader<'_>, drep: DataRepresentation, field: &'static str) -> Result<Self, DecodeError> {
        Ok(Self { uuid: drep.uuid(r, field)?, version: drep.u32(r, field)? })
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.guid(self.uuid);
        w.u32_le(self.version);
    }
}

impl fmt::Debug for SyntaxIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}.{}", self.uuid, self.version & 0xFFFF, self.version >> 16)
    }
}

/// The body of bind and of alter_context, \[C706\] 12.6.4.1, 12.6.4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'de> {
    /// max_xmit_frag: the largest PDU that the client sends, in bytes.
    pub max_xmit_frag: u16,
    /// max_recv_frag: the largest PDU that the client takes, in bytes.
    pub max_recv_frag: u16,
    /// assoc_group_id: 0 asks for a new association group.
    pub assoc_group_id: u32,
    /// p_context_elem: the presentation contexts offered.
    pub contexts: ContextList<'de>,
}

/// The presentation contexts of a [`Bind`]: read from a PDU as a view, or given as a slice.
#[derive(Clone, Copy)]
pub enum ContextList<'de> {
    /// Of a PDU; every element was read once when the PDU was.
    Wire {
        /// n_context_elem
        count: u8,
        /// The elements.
        bytes: &'de [u8],
        /// How they are written.
        drep: DataRepresentation,
    },
    /// To be sent: at most 255.
    Given(&'de [(u16, SyntaxIdentifier, &'de [SyntaxIdentifier])]),
}

/// One presentation context: p_cont_elem_t, \[C706\] 12.6.3.1.
#[derive(Debug, Clone)]
pub struct ContextElement<'de> {
    /// p_cont_id.
    pub context_id: u16,
    /// abstract_syntax: the interface.
    pub abstract_syntax: SyntaxIdentifier,
    /// transfer_syntaxes: the encodings that the client speaks, or bind-time features.
    pub transfer_syntaxes: Syntaxes<'de>,
}

impl ContextElement<'_> {
    /// The features that this context offers, where it is one of bind-time feature negotiation. [MS-RPCE] 3.3.1.5.3
    #[must_use]
    pub fn features(&self) -> Option<BindTimeFeatures> {
        self.transfer_syntaxes.clone().next().and_then(|syntax| BindTimeFeatures::from_syntax(&syntax))
    }
}

/// The transfer syntaxes of a [`ContextElement`].
#[derive(Debug, Clone)]
pub struct Syntaxes<'de>(Source<'de>);

#[derive(Debug, Clone)]
enum Source<'de> {
    Wire { r: Reader<'de>, drep: DataRepresentation },
    Given(std::slice::Iter<'de, SyntaxIdentifier>),
}

impl Iterator for Syntaxes<'_> {
    type Item = SyntaxIdentifier;

    fn next(&mut self) -> Option<SyntaxIdentifier> {
        match &mut self.0 {
            Source::Wire { r, .. } if r.is_empty() => None,
            Source::Wire { r, drep } => SyntaxIdentifier::read(r, *drep, "transfer_syntaxes").ok(),
            Source::Given(syntaxes) => syntaxes.next().copied(),
        }
    }
}

impl<'de> ContextList<'de> {
    /// Bytes of an element without its transfer syntaxes.
    const ELEMENT_LEN: usize = 4 + SyntaxIdentifier::LEN;

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Wire { count, .. } => *count as usize,
            Self::Given(contexts) => contexts.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each in order.
    pub fn iter(&self) -> impl Iterator<Item = ContextElement<'de>> + use<'de> {
        let (mut wire, given) = match *self {
            Self::Wire { count, bytes, drep } => (Some((count, Reader::new(bytes), drep)), [].iter()),
            Self::Given(contexts) => (None, contexts.iter()),
        };
        let wire = std::iter::from_fn(move || {
            let (left, r, drep) = wire.as_mut()?;
            *left = left.checked_sub(1)?;
            // Every element was read once when the PDU was: an error here cannot be.
            read_element(r, *drep).ok()
        });
        wire.chain(given.map(|(context_id, abstract_syntax, syntaxes)| ContextElement {
            context_id: *context_id,
            abstract_syntax: *abstract_syntax,
            transfer_syntaxes: Syntaxes(Source::Given(syntaxes.iter())),
        }))
    }

    fn read(r: &mut Reader<'de>, drep: DataRepresentation) -> Result<Self, DecodeError> {
        let count = r.u8("n_context_elem")?;
        r.u8("reserved")?;
        r.u16_le("reserved2")?;
        r.count(usize::from(count), Self::ELEMENT_LEN, "n_context_elem")?;
        let before = r.peek_rest();
        for _ in 0..count {
            read_element(r, drep)?;
        }
        let len = before.len().saturating_sub(r.left());
        Ok(Self::Wire { count, bytes: before.get(..len).unwrap_or_default(), drep })
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.len_u8(self.len(), "n_context_elem")?;
        w.zeros(3);
        for context in self.iter() {
            w.u16_le(context.context_id);
            w.len_u8(context.transfer_syntaxes.clone().count(), "n_transfer_syn")?;
            w.u8(0);
            context.abstract_syntax.write(w);
            for syntax in context.transfer_syntaxes {
                syntax.write(w);
            }
        }
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        let element = |e: ContextElement<'_>| Self::ELEMENT_LEN + e.transfer_syntaxes.count() * SyntaxIdentifier::LEN;
        4 + self.iter().map(element).sum::<usize>()
    }
}

fn read_element<'de>(r: &mut Reader<'de>, drep: DataRepresentation) -> Result<ContextElement<'de>, DecodeError> {
    let context_id = drep.u16(r, "p_cont_id")?;
    let count = r.u8("n_transfer_syn")?;
    r.u8("reserved")?;
    let abstract_syntax = SyntaxIdentifier::read(r, drep, "abstract_syntax")?;
    let syntaxes = r.sub(usize::from(count) * SyntaxIdentifier::LEN, "transfer_syntaxes")?;
    Ok(ContextElement { context_id, abstract_syntax, transfer_syntaxes: Syntaxes(Source::Wire { r: syntaxes, drep }) })
}

impl PartialEq for ContextList<'_> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (ContextElement<'_>, ContextElement<'_>)| {
            (a.context_id, a.abstract_syntax) == (b.context_id, b.abstract_syntax)
                && a.transfer_syntaxes.eq(b.transfer_syntaxes)
        };
        self.len() == other.len() && self.iter().zip(other.iter()).all(same)
    }
}

impl Eq for ContextList<'_> {}

impl fmt::Debug for ContextList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for context in self.iter() {
            let syntaxes: Vec<_> = context.transfer_syntaxes.collect();
            list.entry(&(context.context_id, context.abstract_syntax, syntaxes));
        }
        list.finish()
    }
}

impl Structure for Bind<'_> {
    const NAME: &'static str = "bind";
    const SPEC: &'static str = "[C706] 12.6.4.3";
}

impl<'de> Bind<'de> {
    pub(super) fn read(r: &mut Reader<'de>, drep: DataRepresentation) -> Result<Self, DecodeError> {
        Ok(Self {
            max_xmit_frag: drep.u16(r, "max_xmit_frag")?,
            max_recv_frag: drep.u16(r, "max_recv_frag")?,
            assoc_group_id: drep.u32(r, "assoc_group_id")?,
            contexts: ContextList::read(r, drep)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u16_le(self.max_xmit_frag);
        w.u16_le(self.max_recv_frag);
        w.u32_le(self.assoc_group_id);
        self.contexts.write(w)
    }

    pub(super) fn encoded_len(&self) -> usize {
        8 + self.contexts.encoded_len()
    }
}

/// result of p_result_t: \[C706\] 12.6.3.1, [MS-RPCE] 2.2.2.4; unknown values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContextResult(pub u16);

impl ContextResult {
    /// acceptance
    pub const ACCEPTANCE: Self = Self(0);
    /// user_rejection
    pub const USER_REJECTION: Self = Self(1);
    /// provider_rejection
    pub const PROVIDER_REJECTION: Self = Self(2);
    /// negotiate_ack: reason carries the features of both ends. [MS-RPCE] 2.2.2.4
    pub const NEGOTIATE_ACK: Self = Self(3);
}

/// reason of p_result_t, \[C706\] 12.6.3.1; a bitmask of features with negotiate_ack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResultReason(pub u16);

impl ResultReason {
    /// reason_not_specified
    pub const NOT_SPECIFIED: Self = Self(0);
    /// abstract_syntax_not_supported
    pub const ABSTRACT_SYNTAX_NOT_SUPPORTED: Self = Self(1);
    /// proposed_transfer_syntaxes_not_supported
    pub const TRANSFER_SYNTAXES_NOT_SUPPORTED: Self = Self(2);
    /// local_limit_exceeded
    pub const LOCAL_LIMIT_EXCEEDED: Self = Self(3);
}

/// The body of bind_ack and of alter_context_resp, \[C706\] 12.6.4.2, 12.6.4.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindAck<'de> {
    /// max_xmit_frag: the largest PDU that the server sends, in bytes.
    pub max_xmit_frag: u16,
    /// max_recv_frag: the largest PDU that the server takes, in bytes.
    pub max_recv_frag: u16,
    /// assoc_group_id.
    pub assoc_group_id: u32,
    /// sec_addr: the secondary address (the port), its NUL included where there is one.
    pub secondary_address: &'de [u8],
    /// p_result_list: a result for each context of the bind, in its order.
    pub results: ContextResults<'de>,
}

/// The results of a [`BindAck`]: read from a PDU as a view, or given as a slice.
#[derive(Clone, Copy)]
pub enum ContextResults<'de> {
    /// Of a PDU.
    Wire {
        /// The results, 24 bytes each.
        bytes: &'de [u8],
        /// How they are written.
        drep: DataRepresentation,
    },
    /// To be sent: at most 255.
    Given(&'de [(ContextResult, ResultReason, SyntaxIdentifier)]),
}

impl<'de> ContextResults<'de> {
    const RESULT_LEN: usize = 4 + SyntaxIdentifier::LEN;

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Wire { bytes, .. } => bytes.len() / Self::RESULT_LEN,
            Self::Given(results) => results.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Result, reason and chosen transfer syntax of each context, in order.
    pub fn iter(&self) -> impl Iterator<Item = (ContextResult, ResultReason, SyntaxIdentifier)> + use<'de> {
        let (bytes, drep, given) = match *self {
            Self::Wire { bytes, drep } => (bytes, drep, [].iter()),
            Self::Given(results) => (Default::default(), DataRepresentation::LITTLE_ENDIAN, results.iter()),
        };
        let wire = bytes.chunks_exact(Self::RESULT_LEN).filter_map(move |result| {
            let r = &mut Reader::new(result);
            let result = ContextResult(drep.u16(r, "result").ok()?);
            let reason = ResultReason(drep.u16(r, "reason").ok()?);
            Some((result, reason, SyntaxIdentifier::read(r, drep, "transfer_syntax").ok()?))
        });
        wire.chain(given.copied())
    }
}

impl PartialEq for ContextResults<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for ContextResults<'_> {}

impl fmt::Debug for ContextResults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'de> BindAck<'de> {
    /// `at` is the offset of the body in its PDU: padding behind the secondary address aligns to the PDU.
    pub(super) fn read(r: &mut Reader<'de>, drep: DataRepresentation, at: usize) -> Result<Self, DecodeError> {
        let max_xmit_frag = drep.u16(r, "max_xmit_frag")?;
        let max_recv_frag = drep.u16(r, "max_recv_frag")?;
        let assoc_group_id = drep.u32(r, "assoc_group_id")?;
        let len = usize::from(drep.u16(r, "sec_addr")?);
        let secondary_address = r.bytes(len, "sec_addr")?;
        r.bytes(address_padding(at, len), "pad2")?;
        let count = usize::from(r.u8("n_results")?);
        r.u8("reserved")?;
        r.u16_le("reserved2")?;
        let bytes = r.bytes(count * ContextResults::RESULT_LEN, "p_results")?;
        let results = ContextResults::Wire { bytes, drep };
        Ok(Self { max_xmit_frag, max_recv_frag, assoc_group_id, secondary_address, results })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>, at: usize) -> Result<(), EncodeError> {
        w.u16_le(self.max_xmit_frag);
        w.u16_le(self.max_recv_frag);
        w.u32_le(self.assoc_group_id);
        w.len_u16_le(self.secondary_address.len(), "sec_addr")?;
        w.bytes(self.secondary_address);
        w.zeros(address_padding(at, self.secondary_address.len()));
        w.len_u8(self.results.len(), "n_results")?;
        w.zeros(3);
        for (result, reason, syntax) in self.results.iter() {
            w.u16_le(result.0);
            w.u16_le(reason.0);
            syntax.write(w);
        }
        Ok(())
    }

    pub(super) fn encoded_len(&self, at: usize) -> usize {
        let address = self.secondary_address.len();
        10 + address + address_padding(at, address) + 4 + self.results.len() * ContextResults::RESULT_LEN
    }
}

/// Bytes between a secondary address of `len` bytes, in a body that begins at `at`, and the next multiple of 4.
const fn address_padding(at: usize, len: usize) -> usize {
    let end = at + 10 + len;
    end.next_multiple_of(4) - end
}
