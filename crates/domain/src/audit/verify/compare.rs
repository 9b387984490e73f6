//! Telling a change of one item from items taken out, put in or moved, by the items around the first difference.

use super::report::Class;

/// Where `found` first differs from `expected`, and what was done there; `None` if they are equal.
pub(super) fn compare<T: PartialEq>(found: &[T], expected: &[T]) -> Option<(usize, Class)> {
    let at = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    let later = |items: &[T], item: &T| items.iter().skip(at + 1).any(|other| other == item);
    let class = match (found.get(at), expected.get(at)) {
        (None, None) => return None,
        (None, Some(_)) => Class::Dropped,
        (Some(_), None) => Class::Inserted,
        (Some(there), Some(due)) => match (later(expected, there), later(found, due)) {
            (true, true) if found.len() > expected.len() => Class::Inserted,
            (true, true) if found.len() < expected.len() => Class::Dropped,
            (true, true) => Class::Reordered,
            (true, false) => Class::Dropped,
            (false, true) => Class::Inserted,
            (false, false) => Class::Edited,
        },
    };
    Some((at, class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_from_the_others_and_located() {
        let cases = [
            ("abcdef", None),
            ("abXdef", Some((2, Class::Edited))),
            ("abcdeX", Some((5, Class::Edited))),
            ("abdef", Some((2, Class::Dropped))),
            ("abdefg", Some((2, Class::Dropped))),
            ("ef", Some((0, Class::Dropped))),
            ("abcde", Some((5, Class::Dropped))),
            ("abXcdef", Some((2, Class::Inserted))),
            ("abXcde", Some((2, Class::Inserted))),
            ("abecdef", Some((2, Class::Inserted))),
            ("abcdefX", Some((6, Class::Inserted))),
            ("acbdef", Some((1, Class::Reordered))),
            ("fbcdea", Some((0, Class::Reordered))),
            ("acdebf", Some((1, Class::Reordered))),
        ];
        for (found, wanted) in cases {
            assert_eq!(compare(found.as_bytes(), b"abcdef"), wanted, "{found}");
        }
    }
}
