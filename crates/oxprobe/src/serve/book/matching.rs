//! Which rows fit: names as a user types them, and restrictions.

use oxwire::mapi::property::{Cell, ErrorCode, PropertyTag, PropertyType, PropertyValue, Restriction, RestrictionKind};

use super::{Book, Entry, Ids};

/// PidTagAnr: a restriction on it asks for what a typed name would find.
const ANR: PropertyTag = PropertyTag::new(0x360C, PropertyType::STRING);

/// FuzzyLevelLow of a ContentRestriction, [MS-OXCDATA] 2.12.4.
const SUBSTRING: u16 = 1;
const PREFIX: u16 = 2;

/// The relational operators, [MS-OXCDATA] 2.12.5.
const LESS: u8 = 0;
const LESS_OR_EQUAL: u8 = 1;
const GREATER: u8 = 2;
const GREATER_OR_EQUAL: u8 = 3;
const EQUAL: u8 = 4;
const NOT_EQUAL: u8 = 5;

/// Text in the form that is compared: without regard to letter case.
pub(super) fn text(value: &PropertyValue<'_>) -> Option<String> {
    match value {
        PropertyValue::Str(text) => Some(text.to_lowercase()),
        PropertyValue::String(text) => Some(text.to_string().to_lowercase()),
        PropertyValue::String8(text) => Some(String::from_utf8_lossy(text).to_lowercase()),
        _ => None,
    }
}

impl<'u> Book<'u> {
    /// Ambiguous name resolution, [MS-OXNSPI] 3.1.4.7: who has exactly that name, address or DN, or else whose name begins so. `=` in
    /// front leaves the second out.
    pub(crate) fn resolve(&self, name: &str) -> Vec<&Entry<'u>> {
        let name = name.trim().to_lowercase();
        let (name, exact_only) = match name.strip_prefix('=') {
            Some(rest) => (rest, true),
            None => (name.as_str(), false),
        };
        let name = name.strip_prefix("smtp:").or_else(|| name.strip_prefix("ex:")).unwrap_or(name);
        if name.is_empty() {
            return Vec::new();
        }
        let of = |fits: fn(&str, &str) -> bool| -> Vec<&Entry<'u>> {
            self.entries().iter().filter(|entry| entry.names().iter().any(|own| fits(own, name))).collect()
        };
        let exact = of(|own, name| own == name);
        if exact_only || !exact.is_empty() { exact } else { of(|own, name| own.starts_with(name)) }
    }

    /// The rows that a restriction lets through, in order.
    ///
    /// # Errors
    /// TooComplex for a kind of restriction that is not built.
    pub(crate) fn matching(&self, filter: &Restriction<'_>) -> Result<Vec<&Entry<'u>>, ErrorCode> {
        let mut rows = Vec::new();
        for entry in self.entries() {
            if self.lets_through(filter, entry)? {
                rows.push(entry);
            }
        }
        Ok(rows)
    }

    /// As deep as the decoder let the restriction be.
    fn lets_through(&self, filter: &Restriction<'_>, entry: &Entry<'u>) -> Result<bool, ErrorCode> {
        use RestrictionKind as K;
        let kind = filter.kind().map_err(|_| ErrorCode::INVALID_PARAMETER)?;
        Ok(match kind {
            K::And(all) => {
                for one in all.iter() {
                    if !self.lets_through(&one, entry)? {
                        return Ok(false);
                    }
                }
                true
            }
            K::Or(any) => {
                for one in any.iter() {
                    if self.lets_through(&one, entry)? {
                        return Ok(true);
                    }
                }
                false
            }
            K::Not(one) => !self.lets_through(&one, entry)?,
            K::Exist { property_tag } => matches!(entry.cell(property_tag, Ids::Permanent), Cell::Value(_)),
            K::Property { property_tag, tagged_value: (_, value), .. }
            | K::Content { property_tag, tagged_value: (_, value), .. }
                if property_tag.id() == ANR.id() =>
            {
                let name = text(&value).unwrap_or_default();
                self.resolve(&name).iter().any(|found| found.mid == entry.mid)
            }
            K::Property { rel_op, property_tag, tagged_value: (_, wanted) } => {
                compares(entry.cell(property_tag, Ids::Permanent), rel_op, &wanted)?
            }
            K::Content { fuzzy_level_low, property_tag, tagged_value: (_, wanted), .. } => {
                let own = entry.cell(property_tag, Ids::Permanent).value().and_then(|value| text(&value));
                match (own, text(&wanted)) {
                    (Some(own), Some(wanted)) if fuzzy_level_low == SUBSTRING => own.contains(&wanted),
                    (Some(own), Some(wanted)) if fuzzy_level_low == PREFIX => own.starts_with(&wanted),
                    (Some(own), Some(wanted)) => own == wanted,
                    _ => false,
                }
            }
            _ => return Err(ErrorCode::TOO_COMPLEX),
        })
    }
}

impl Entry<'_> {
    /// What a name is held against, in lower case.
    fn names(&self) -> [String; 3] {
        [self.sort_key.clone(), self.user.address.to_lowercase(), self.user.dn.to_lowercase()]
    }
}

fn compares(own: Cell<'_>, rel_op: u8, wanted: &PropertyValue<'_>) -> Result<bool, ErrorCode> {
    let Some(own) = own.value() else { return Ok(false) };
    let order = match (&own, wanted) {
        (PropertyValue::Integer32(own), PropertyValue::Integer32(wanted)) => own.cmp(wanted),
        (PropertyValue::Boolean(own), PropertyValue::Boolean(wanted)) => own.cmp(wanted),
        (PropertyValue::Binary(own), PropertyValue::Binary(wanted)) => own.cmp(wanted),
        _ => match (text(&own), text(wanted)) {
            (Some(own), Some(wanted)) => own.cmp(&wanted),
            _ => return Ok(false),
        },
    };
    match rel_op {
        LESS => Ok(order.is_lt()),
        LESS_OR_EQUAL => Ok(order.is_le()),
        GREATER => Ok(order.is_gt()),
        GREATER_OR_EQUAL => Ok(order.is_ge()),
        EQUAL => Ok(order.is_eq()),
        NOT_EQUAL => Ok(order.is_ne()),
        _ => Err(ErrorCode::TOO_COMPLEX),
    }
}
