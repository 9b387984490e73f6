//! Attributes of things and thing groups: which are allowed. API Reference, `AttributePayload`.

use crate::limits::{ATTRIBUTE_NAME_BYTES_MAX, ATTRIBUTE_VALUE_BYTES_MAX};

/// Says what is wrong with an attribute, if something is.
pub(crate) fn check(name: &str, value: &str) -> Result<(), &'static str> {
    let of_both = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,@/:#-".contains(&byte);
    if name.is_empty() || name.len() > ATTRIBUTE_NAME_BYTES_MAX || !name.bytes().all(of_both) {
        return Err("a name is 1 to 128 of letters, digits and `_.,@/:#-`");
    }
    if value.len() > ATTRIBUTE_VALUE_BYTES_MAX || !value.bytes().all(|byte| of_both(byte) || b"=[]".contains(&byte)) {
        return Err("a value is up to 800 of letters, digits and `_.,@/:#=[]-`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn attributes_are_plain_and_bounded() {
        for (name, value) in [("floor", "1"), ("a.b,c@d/e:f#g-h_i", "[a=b]"), (&*"n".repeat(128), &*"v".repeat(800))] {
            assert_eq!(check(name, value), Ok(()), "{name} {value}");
        }
        for (name, value) in [
            ("", "v"),
            ("a=b", "v"),
            ("a b", "v"),
            ("n", "a b"),
            ("n", "ä"),
            (&*"n".repeat(129), "v"),
            ("n", &*"v".repeat(801)),
        ] {
            assert!(check(name, value).is_err(), "{name} {value}");
        }
    }
}
