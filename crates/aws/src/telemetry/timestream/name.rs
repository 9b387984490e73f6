//! A reading's name in an alphabet that needs no quoting anywhere: letters, digits, `_`, `.` and `-` stand for themselves, any
//! other byte for `~` and two hex digits. Names are told apart as their bytes are; 64 bytes become 192 at most, and Timestream
//! allows 256 ("Quotas" in its developer guide).

use marvain_hub::port::Cause;
use std::fmt::{self, Write};

/// Text of a closed alphabet, which a query may have between quotes as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plain(String);

impl Plain {
    /// Any name, encoded.
    pub(super) fn encoded(name: &str) -> Self {
        let mut plain = String::with_capacity(name.len());
        for byte in name.bytes() {
            if is_plain(byte) {
                plain.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                write!(plain, "~{byte:02x}").unwrap_or_default();
            }
        }
        Self(plain)
    }

    /// A name of a database or a table: 3 to 256 characters that stand for themselves.
    pub(super) fn identifier(name: &str) -> Result<Self, Cause> {
        if (3..=256).contains(&name.len()) && name.bytes().all(is_plain) {
            Ok(Self(name.to_owned()))
        } else {
            Err(format!("`{name}` is no name of a Timestream database or table").into())
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(plain: &str) -> String {
        let (mut bytes, mut rest) = (Vec::new(), plain);
        while let Some(c) = rest.chars().next() {
            let len = if c == '~' { 3 } else { 1 };
            bytes.push(if c == '~' { u8::from_str_radix(&rest[1..3], 16).unwrap() } else { c as u8 });
            rest = &rest[len..];
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn names_are_readable_where_they_can_be() {
        for (name, expected) in [
            ("temperature", "temperature"),
            ("cpu_load.1-min", "cpu_load.1-min"),
            ("x' OR '1'='1", "x~27~20OR~20~271~27~3d~271"),
            ("°C~", "~c2~b0C~7e"),
            ("\0\\\"--/*;", "~00~5c~22--~2f~2a~3b"),
        ] {
            assert_eq!(Plain::encoded(name).as_str(), expected);
        }
        for bad in ["", "ab", "a b", "a\"b", "a'bc", "abc;", "é__", &"a".repeat(257)] {
            assert!(Plain::identifier(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_one_of_the_alphabet_and_no_other(name in "\\PC{0,20}|['\"\\\\;~%\\x00-\\x20-]{0,20}") {
            let plain = Plain::encoded(&name);
            let is_closed = |b: u8| b.is_ascii_alphanumeric() || b"_.-~".contains(&b);
            prop_assert!(plain.as_str().bytes().all(is_closed), "{plain}");
            prop_assert_eq!(decoded(plain.as_str()), name);
        }
    }
}
