//! FILETIME, [MS-DTYP] 2.3.3.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall time as [MS-DTYP] 2.3.3 has it: intervals of 100 ns since 1601-01-01 00:00 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FileTime(u64);

/// 1970-01-01 as a FILETIME.
const UNIX_EPOCH_INTERVALS: u64 = 116_444_736_000_000_000;

impl FileTime {
    /// From the number on the wire.
    #[must_use]
    pub const fn from_intervals(intervals: u64) -> Self {
        Self(intervals)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn intervals(self) -> u64 {
        self.0
    }

    /// Seconds since 1970, rounded down; negative before.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        let seconds = i128::from(self.0) - i128::from(UNIX_EPOCH_INTERVALS);
        i64::try_from(seconds.div_euclid(10_000_000)).unwrap_or(i64::MAX)
    }

    /// From a time of the system's; clamped to what a FILETIME can say.
    #[must_use]
    pub fn from_system(time: SystemTime) -> Self {
        let intervals = |d: Duration| u64::try_from(d.as_nanos() / 100).unwrap_or(u64::MAX);
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => UNIX_EPOCH_INTERVALS.saturating_add(intervals(after)),
            Err(before) => UNIX_EPOCH_INTERVALS.saturating_sub(intervals(before.duration())),
        })
    }

    /// As a time of the system's, or `None` where that cannot say it.
    #[must_use]
    pub fn to_system(self) -> Option<SystemTime> {
        let since = |n: u64| Duration::from_secs(n / 10_000_000) + Duration::from_nanos(n % 10_000_000 * 100);
        if self.0 >= UNIX_EPOCH_INTERVALS {
            UNIX_EPOCH.checked_add(since(self.0 - UNIX_EPOCH_INTERVALS))
        } else {
            UNIX_EPOCH.checked_sub(since(UNIX_EPOCH_INTERVALS - self.0))
        }
    }

    /// As HTTP writes dates, in whole seconds (`Date`, X-StartTime).
    #[must_use]
    pub const fn http_date(self) -> HttpDate {
        HttpDate(self)
    }

    /// The time `duration` later, clamped.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos() / 100).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier`; zero when it is not after it.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        let n = self.0.saturating_sub(earlier.0);
        Duration::from_secs(n / 10_000_000) + Duration::from_nanos(n % 10_000_000 * 100)
    }
}

/// RFC 3339, UTC, whole seconds.
impl fmt::Display for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, .. } = Civil::of(*self);
        write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", month + 1)
    }
}

/// A [`FileTime`] as HTTP writes dates: [`FileTime::http_date`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpDate(FileTime);

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the fixed-length form of RFC 9110 5.6.7 (RFC 1123's in RFC 2616 3.3.1).
impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let Civil { year, month, day, hour, minute, second, weekday } = Civil::of(self.0);
        let weekday = DAYS.get(weekday).copied().unwrap_or_default();
        let month = MONTHS.get(month).copied().unwrap_or_default();
        write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

/// A time on the calendar, UTC.
struct Civil {
    year: u64,
    /// From 0.
    month: usize,
    /// From 1.
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    /// From Monday, 0.
    weekday: usize,
}

impl Civil {
    fn of(time: FileTime) -> Self {
        let seconds = time.0 / 10_000_000;
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        // Days since 1601-01-01, a Monday and the first day of a 400-year cycle of 146,097 days.
        let (cycles, mut day) = (days / 146_097, days % 146_097);
        let centuries = (day / 36_524).min(3);
        day -= centuries * 36_524;
        let quads = (day / 1_461).min(24);
        day -= quads * 1_461;
        let years = (day / 365).min(3);
        day -= years * 365;
        let year = 1601 + cycles * 400 + centuries * 100 + quads * 4 + years;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let mut month = 0;
        for length in [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        let weekday = usize::try_from(days % 7).unwrap_or_default();
        Self { year, month, day: day + 1, hour: of_day / 3600, minute: of_day / 60 % 60, second: of_day % 60, weekday }
    }
}

impl fmt::Debug for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        // [MS-DTYP] 2.3.3: the epoch is 1601-01-01; 116444736000000000 is 1970-01-01.
        for (intervals, text) in [
            (0, "1601-01-01T00:00:00Z"),
            (UNIX_EPOCH_INTERVALS, "1970-01-01T00:00:00Z"),
            (UNIX_EPOCH_INTERVALS + 951_782_400 * 10_000_000, "2000-02-29T00:00:00Z"),
            (UNIX_EPOCH_INTERVALS + 1_735_689_599 * 10_000_000, "2024-12-31T23:59:59Z"),
        ] {
            assert_eq!(FileTime::from_intervals(intervals).to_string(), text);
        }
    }

    /// RFC 9110 5.6.7 has the first as its example; 1601-01-01 was a Monday, 2000-02-29 a Tuesday.
    #[test]
    fn http_dates() {
        for (unix, text) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        ] {
            let time = FileTime::from_intervals(UNIX_EPOCH_INTERVALS + unix * 10_000_000);
            assert_eq!(time.http_date().to_string(), text);
        }
        assert_eq!(FileTime::from_intervals(0).http_date().to_string(), "Mon, 01 Jan 1601 00:00:00 GMT");
    }

    #[test]
    fn system_time_both_ways() {
        let t = UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_700);
        let ft = FileTime::from_system(t);
        assert_eq!(ft.to_system(), Some(t));
        assert_eq!(ft.unix_seconds(), 1_700_000_000);
        assert_eq!(FileTime::from_intervals(0).unix_seconds(), -11_644_473_600);
        assert_eq!(ft.saturating_add(Duration::from_secs(5)).saturating_since(ft), Duration::from_secs(5));
        assert_eq!(ft.saturating_since(ft.saturating_add(Duration::from_secs(5))), Duration::ZERO);
    }
}
