//! The time of a signature.

use http::HeaderMap;

use super::SignatureError;

/// `X-Amz-Date`, `20150830T123600Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AmzDate<'a> {
    text: &'a str,
    day: &'a str,
}

pub(super) fn of(headers: &HeaderMap) -> Result<AmzDate<'_>, SignatureError> {
    let malformed = SignatureError::Incomplete("X-Amz-Date is missing, or not like 20150830T123600Z");
    let mut all = headers.get_all("x-amz-date").iter();
    let (Some(only), None) = (all.next(), all.next()) else { return Err(malformed) };
    let text = only.to_str().map_err(|_| malformed.clone())?;
    match text.split_once('T') {
        Some((day, _)) if text.len() == 16 => Ok(AmzDate { text, day }),
        _ => Err(malformed),
    }
}

impl<'a> AmzDate<'a> {
    pub(super) fn text(self) -> &'a str {
        self.text
    }

    pub(super) fn day(self) -> &'a str {
        self.day
    }

    /// Seconds since 1970, if it is a time since then.
    pub(super) fn unix_s(self) -> Option<u64> {
        let number = |from: usize, to: usize| -> Option<u64> {
            let digits = self.text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        if self.text.get(15..)? != "Z" {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
        let in_range = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
        if !in_range || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        Some(((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
    }
}

/// Counted in years that begin in March, so that the leap day is the last one.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    /// From 1 March of the year 0 to 1 January 1970.
    const TO_1970: u64 = 719_468;
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_date_prints_them() {
        let unix_s = |text| AmzDate { text, day: "" }.unix_s();
        for (text, expected) in [
            ("19700101T000000Z", Some(0)),
            ("20000229T235959Z", Some(951_868_799)),
            ("20000301T000000Z", Some(951_868_800)),
            ("20150830T123600Z", Some(1_440_938_160)),
            ("21000301T000000Z", Some(4_107_542_400)),
            ("20150830T123600X", None),
            ("20151330T123600Z", None),
            ("20150830T243600Z", None),
            ("201508+0T123600Z", None),
            ("2015083äT12360Z", None),
            ("", None),
        ] {
            assert_eq!(unix_s(text), expected, "{text}");
        }
    }
}
