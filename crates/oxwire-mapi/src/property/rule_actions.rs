//! The value of a PtypRuleAction property, [MS-OXORULE] 2.2.5.

use oxwire_core::{DecodeError, Reader};

use super::CountWidth;

/// The RuleAction structure of [MS-OXORULE] 2.2.5: the actions of a rule, as a view over their bytes. It is written as the bytes
/// that it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleActions<'a> {
    count: usize,
    bytes: &'a [u8],
    width: CountWidth,
}

/// One ActionBlock, [MS-OXORULE] 2.2.5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionBlock<'a> {
    /// ActionType.
    pub action_type: u8,
    /// ActionFlavor.
    pub action_flavor: u32,
    /// ActionFlags.
    pub action_flags: u32,
    /// ActionData: what the type says.
    pub action_data: &'a [u8],
}

impl<'a> RuleActions<'a> {
    /// Bytes of an ActionBlock behind its ActionLength, without ActionData.
    const BLOCK: usize = 9;

    /// Reads the structure.
    ///
    /// # Errors
    /// [`DecodeError`]: counts and lengths that do not fit the bytes that are there.
    pub fn decode(r: &mut Reader<'a>, width: CountWidth) -> Result<Self, DecodeError> {
        let before = r.peek_rest();
        let count = number(r, width, "NoOfActions")?;
        let count = r.count(count, width.binary() + Self::BLOCK, "NoOfActions")?;
        for _ in 0..count {
            block(r, width)?;
        }
        let len = before.len().saturating_sub(r.left());
        Ok(Self { count, bytes: before.get(..len).unwrap_or_default(), width })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The structure's bytes, NoOfActions included.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How wide its counts are.
    #[must_use]
    pub const fn width(&self) -> CountWidth {
        self.width
    }

    /// Each in order.
    pub fn iter(&self) -> impl Iterator<Item = ActionBlock<'a>> + use<'a> {
        let (mut r, width) = (Reader::new(self.bytes), self.width);
        let begun = number(&mut r, width, "NoOfActions").is_ok();
        // Each was read once when the structure was: an error here cannot be.
        (0..self.count).filter(move |_| begun).map_while(move |_| block(&mut r, width).ok())
    }
}

fn number(r: &mut Reader<'_>, width: CountWidth, field: &'static str) -> Result<usize, DecodeError> {
    match width {
        CountWidth::RopBuffer => r.u16_le(field).map(usize::from),
        CountWidth::Extended | CountWidth::AddressBook => r.len_u32_le(field),
    }
}

fn block<'a>(r: &mut Reader<'a>, width: CountWidth) -> Result<ActionBlock<'a>, DecodeError> {
    let len = number(r, width, "ActionLength")?;
    let mut r = r.sub(len, "ActionBlock")?;
    Ok(ActionBlock {
        action_type: r.u8("ActionType")?,
        action_flavor: r.u32_le("ActionFlavor")?,
        action_flags: r.u32_le("ActionFlags")?,
        action_data: r.rest(),
    })
}
