//! The STAT structure, [MS-OXNSPI] 2.3.7: where in which table.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Writer};

use super::field::{Field, fixed_fields};
use super::{MinimalEntryId, SortType};

/// The STAT structure, [MS-OXNSPI] 2.3.7: the state of a table, and a place in it. 36 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// SortType: how the table is sorted. A server leaves it as it is.
    pub sort_type: SortType,
    /// ContainerID: the address book container. A server leaves it as it is but in GetMatches and ResortRestriction.
    pub container_id: MinimalEntryId,
    /// CurrentRec: the place to begin at, and the place at the end.
    pub current_rec: MinimalEntryId,
    /// Delta: rows to move from there. 0 in what a server answers with success.
    pub delta: i32,
    /// NumPos: the numerator of a fractional place, and the approximate index of the row at the end.
    pub num_pos: u32,
    /// TotalRecs: its denominator, and the number of rows of the table.
    pub total_recs: u32,
    /// CodePage of strings that are not Unicode. A server leaves it as it is.
    pub code_page: u32,
    /// TemplateLocale: the LCID of templates. A server leaves it as it is.
    pub template_locale: u32,
    /// SortLocale: the LCID to sort by. A server leaves it as it is.
    pub sort_locale: u32,
}

impl Stat {
    /// Bytes of the structure.
    pub const LEN: usize = 36;

    /// What a server answers: the same table, at another place. Delta becomes 0, and what a server must not change stays.
    ///
    /// # Errors
    /// [`EncodeError`] for a place behind the end of the table: Outlook crashes at one, as at a wrong TotalRecs.
    pub fn answer(&self, place: Place) -> Result<StatAnswer, EncodeError> {
        let Place { current_rec, num_pos, total_recs } = place;
        if num_pos > total_recs {
            let kind = EncodeErrorKind::Value { expected: "a NumPos of at most TotalRecs", found: u64::from(num_pos) };
            return Err(EncodeError { name: Self::NAME, field: "NumPos", spec: Self::SPEC, kind });
        }
        Ok(StatAnswer(Self { current_rec, delta: 0, num_pos, total_recs, ..*self }))
    }
}

impl Structure for Stat {
    const NAME: &'static str = "STAT";
    const SPEC: &'static str = "[MS-OXNSPI] 2.3.7";
}

impl Decode<'_> for Stat {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sort_type: SortType(r.u32_le("SortType")?),
            container_id: MinimalEntryId(r.u32_le("ContainerID")?),
            current_rec: MinimalEntryId(r.u32_le("CurrentRec")?),
            delta: r.i32_le("Delta")?,
            num_pos: r.u32_le("NumPos")?,
            total_recs: r.u32_le("TotalRecs")?,
            code_page: r.u32_le("CodePage")?,
            template_locale: r.u32_le("TemplateLocale")?,
            sort_locale: r.u32_le("SortLocale")?,
        })
    }
}

impl Encode for Stat {
    fn encoded_len(&self) -> usize {
        Self::LEN
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(self.sort_type.0);
        w.u32_le(self.container_id.0);
        w.u32_le(self.current_rec.0);
        w.i32_le(self.delta);
        for field in [self.num_pos, self.total_recs, self.code_page, self.template_locale, self.sort_locale] {
            w.u32_le(field);
        }
        Ok(())
    }
}

/// A place in a table, as a server reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The row, or [`MinimalEntryId::END_OF_TABLE`].
    pub current_rec: MinimalEntryId,
    /// Its index; the number of rows at the end of the table.
    pub num_pos: u32,
    /// The number of rows. To be exact.
    pub total_recs: u32,
}

/// A STAT that a server answers, made by [`Stat::answer`] or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatAnswer(Stat);

impl StatAnswer {
    /// The structure.
    #[must_use]
    pub const fn stat(&self) -> &Stat {
        &self.0
    }

    /// In another container: the Explicit Table that GetMatches makes. [MS-OXNSPI] 3.1.4.1.10
    #[must_use]
    pub const fn in_container(mut self, container_id: MinimalEntryId) -> Self {
        self.0.container_id = container_id;
        self
    }

    /// What a peer answered.
    #[must_use]
    pub const fn received(stat: Stat) -> Self {
        Self(stat)
    }
}

fixed_fields! {
    Stat, 36, |r, _field| r.structure()?, |w, value| w.structure(&value)?;
    StatAnswer, 36, |r, _field| Self(r.structure()?), |w, value| w.structure(&value.0)?;
}
