//! The parts of a RopLogon response: special folders, [MS-OXCSTOR] 2.2.1.1.3 and 2.2.1.1.4, and LogonTime, [MS-OXCROPS] 2.2.3.1.2.1.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, FileTime, Reader, Structure, Writer};

use crate::property::FolderId;

/// The 13 special folders of a store. The accessors named for folders read the order of a private mailbox,
/// [MS-OXCSTOR] 2.2.1.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FolderIds(pub [FolderId; 13]);

macro_rules! folders {
    ($($(#[$doc:meta])* $name:ident = $index:literal,)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub const fn $name(&self) -> FolderId {
            self.0[$index]
        }
    )*};
}

impl FolderIds {
    folders! {
        /// The root of the mailbox; all others are below it.
        root = 0,
        /// Deferred Action.
        deferred_action = 1,
        /// Spooler Queue.
        spooler_queue = 2,
        /// The root of what a user sees: Interpersonal Messages subtree.
        interpersonal_messages = 3,
        /// Inbox.
        inbox = 4,
        /// Outbox.
        outbox = 5,
        /// Sent Items.
        sent_items = 6,
        /// Deleted Items.
        deleted_items = 7,
        /// Common Views.
        common_views = 8,
        /// Schedule.
        schedule = 9,
        /// Search.
        search = 10,
        /// Views.
        views = 11,
        /// Shortcuts.
        shortcuts = 12,
    }
}

impl Structure for FolderIds {
    const NAME: &'static str = "FolderIds";
    const SPEC: &'static str = "[MS-OXCSTOR] 2.2.1.1.3";
}

impl Encode for FolderIds {
    fn encoded_len(&self) -> usize {
        104
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        self.0.iter().try_for_each(|id| w.structure(id))
    }
}

impl<'de> Decode<'de> for FolderIds {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let mut ids = [FolderId::default(); 13];
        for id in &mut ids {
            *id = r.structure()?;
        }
        Ok(Self(ids))
    }
}

/// A UTC time in parts, [MS-OXCROPS] 2.2.3.1.2.1. What a peer sends is not checked to be a time that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogonTime {
    /// Seconds.
    pub seconds: u8,
    /// Minutes.
    pub minutes: u8,
    /// Hour.
    pub hour: u8,
    /// Day of the week; Sunday is 0.
    pub day_of_week: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Month, from 1.
    pub month: u8,
    /// Year.
    pub year: u16,
}

impl LogonTime {
    /// The parts of a time, its fraction of a second left out; a year past 65,535 is given as that.
    #[must_use]
    pub fn from_file_time(time: FileTime) -> Self {
        let seconds = time.intervals() / 10_000_000;
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        // Years from March, so that the leap day is the last: 1600-03-01 is 306 days before 1601-01-01.
        let from_march = days + 306;
        let (era, day_of_era) = (from_march / 146_097, from_march % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = 1600 + era * 400 + year_of_era + u64::from(month <= 2);
        let small = |value: u64| u8::try_from(value).unwrap_or(u8::MAX);
        Self {
            seconds: small(of_day % 60),
            minutes: small(of_day / 60 % 60),
            hour: small(of_day / 3600),
            // 1601-01-01 was a Monday.
            day_of_week: small((days + 1) % 7),
            day: small(day),
            month: small(month),
            year: u16::try_from(year).unwrap_or(u16::MAX),
        }
    }
}

impl Structure for LogonTime {
    const NAME: &'static str = "LogonTime";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.3.1.2.1";
}

impl Encode for LogonTime {
    fn encoded_len(&self) -> usize {
        8
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.bytes(&[self.seconds, self.minutes, self.hour, self.day_of_week, self.day, self.month]);
        w.u16_le(self.year);
        Ok(())
    }
}

impl<'de> Decode<'de> for LogonTime {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            seconds: r.u8("Seconds")?,
            minutes: r.u8("Minutes")?,
            hour: r.u8("Hour")?,
            day_of_week: r.u8("DayOfWeek")?,
            day: r.u8("Day")?,
            month: r.u8("Month")?,
            year: r.u16_le("Year")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calendar's own facts: a leap day, the end of a year, the epoch of FILETIME.
    #[test]
    fn logon_time_of_known_instants() {
        const UNIX: u64 = 116_444_736_000_000_000;
        for (intervals, parts) in [
            (0, (1601, 1, 1, 1, 0, 0, 0)),
            (UNIX, (1970, 1, 1, 4, 0, 0, 0)),
            (UNIX + 951_782_400 * 10_000_000, (2000, 2, 29, 2, 0, 0, 0)),
            (UNIX + 1_735_689_599 * 10_000_000, (2024, 12, 31, 2, 23, 59, 59)),
            (UNIX + 1_772_323_200 * 10_000_000, (2026, 3, 1, 0, 0, 0, 0)),
        ] {
            let t = LogonTime::from_file_time(FileTime::from_intervals(intervals));
            assert_eq!((t.year, t.month, t.day, t.day_of_week, t.hour, t.minutes, t.seconds), parts);
        }
    }
}
