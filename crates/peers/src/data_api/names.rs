//! Named parameters: `:name` becomes `$1`, `$2` …, outside of literals, quoted names, dollar quotes and comments.

/// The statement with numbers, and the names in their order.
pub(super) fn numbered(sql: &str) -> (String, Vec<String>) {
    let (mut out, mut names) = (String::new(), Vec::<String>::new());
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '\'' | '"' => 1 + rest[1..].find(c).map_or(rest.len() - 1, |end| end + 1),
            '$' => dollar_quoted(rest),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            ':' => {
                let name: String = rest[1..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if name.is_empty() {
                    1
                } else {
                    let known = names.iter().position(|known| *known == name);
                    let place = known.unwrap_or_else(|| {
                        names.push(name.clone());
                        names.len() - 1
                    });
                    out.push_str(&format!("${}", place + 1));
                    rest = &rest[1 + name.len()..];
                    continue;
                }
            }
            _ => c.len_utf8(),
        };
        out.push_str(&rest[..skipped]);
        rest = &rest[skipped..];
    }
    (out, names)
}

/// Length of what a dollar quote at the beginning encloses, or 1 if none begins there.
fn dollar_quoted(text: &str) -> usize {
    let Some(end) = text[1..].find('$') else { return 1 };
    let tag = &text[..end + 2];
    if !tag[1..=end].chars().all(|c| c.is_alphanumeric() || c == '_') {
        return 1;
    }
    text[tag.len()..].find(tag).map_or(text.len(), |end| end + 2 * tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_are_no_text() {
        for (sql, expected, names) in [
            ("SELECT :a, :b, :a", "SELECT $1, $2, $1", vec!["a", "b"]),
            ("SELECT ':a' || \":a\" || :a::text", "SELECT ':a' || \":a\" || $1::text", vec!["a"]),
            ("DO $$ x := :a $$ -- :b\n, $t$ :c $$ $t$ :d", "DO $$ x := :a $$ -- :b\n, $t$ :c $$ $t$ $1", vec!["d"]),
            ("it''s ' :a", "it''s ' :a", vec![]),
        ] {
            let (numbered, found) = numbered(sql);
            assert_eq!((numbered.as_str(), found), (expected, names.into_iter().map(str::to_owned).collect()), "{sql}");
        }
    }
}
