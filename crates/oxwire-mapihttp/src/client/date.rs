//! Dates as HTTP headers carry them, read as [RFC 6265] 5.1.1 reads them: real servers write several forms.

use oxwire_core::FileTime;

const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994` and their mixtures.
pub(super) fn parse_http_date(text: &[u8]) -> Option<FileTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b':';
    for token in text.split(|byte| !is_token(*byte)).filter(|token| !token.is_empty()) {
        if time.is_none() && token.contains(&b':') {
            time = Some(time_of_day(token)?);
        } else if let Some(number) = number(token) {
            match token.len() {
                1 | 2 if day.is_none() => day = Some(number),
                2 | 4 if year.is_none() => year = Some(number),
                _ => return None,
            }
        } else if month.is_none() {
            let start = token.get(..3).map(<[u8]>::to_ascii_lowercase);
            month = start.and_then(|start| MONTHS.iter().position(|name| start == **name));
        }
    }
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        full @ 1601.. => full,
        _ => return None,
    };
    let (month, day) = (month?, day?);
    if !(1..=31).contains(&day) {
        return None;
    }
    let seconds = days_since_1601(year, month, day) * 86_400 + time?;
    Some(FileTime::from_intervals(seconds.checked_mul(10_000_000)?))
}

fn number(token: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(token).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

fn time_of_day(token: &[u8]) -> Option<u64> {
    let mut parts = token.split(|byte| *byte == b':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_one = parts.next().is_none() && hour < 24 && minute < 60 && second < 61;
    // Only then: of numbers past those bounds the sum may overflow.
    is_one.then(|| hour * 3600 + minute * 60 + second)
}

/// Days from 1601-01-01 to a day of the Gregorian calendar; `month` counts from 0, `day` from 1, `year` is at least 1601 and
/// has at most four digits.
fn days_since_1601(year: u64, month: usize, day: u64) -> u64 {
    let past = year - 1601;
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    past * 365 + past / 4 - past / 100 + past / 400 + lengths.iter().take(month).sum::<u64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three forms of [RFC 9110] 5.6.7, which name one instant, and the form with dashes that Exchange writes.
    #[test]
    fn the_forms_in_the_field() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06-Nov-1994 08:49:37 GMT",
        ] {
            let time = parse_http_date(text.as_bytes()).unwrap();
            assert_eq!(time.unix_seconds(), 784_111_777, "{text}");
            assert_eq!(time.to_string(), "1994-11-06T08:49:37Z");
        }
        assert_eq!(parse_http_date(b"Thu, 29 Feb 2024 00:00:00 GMT").unwrap().to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(parse_http_date(b"Tue, 01-Jan-1980 00:00:00 GMT").unwrap().to_string(), "1980-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "Sun",
            "Sun, 06 Nov 1994",
            "Sun, 06 Nov 1994 24:00:00",
            "Sun, 40 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 18446744073709551615:00:00",
            "Sun, 06 Nov 1994 00:18446744073709551615:00",
        ] {
            assert_eq!(parse_http_date(text.as_bytes()), None, "{text}");
        }
    }
}
