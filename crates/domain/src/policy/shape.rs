//! How deep a policy text goes, seen from its tokens alone.
//!
//! Cedar parses, validates and drops expressions recursively: some hundred levels overflow the stack of a thread, and
//! where its validator sees the end of the stack coming it passes what it has not looked at. So depth is bounded
//! before Cedar sees the text.

/// Most brackets open at once in a policy, each `if` before counting as one.
pub const POLICY_NESTING_MAX: usize = 16;
/// Most of `.`, `+`, `-`, `*`, `&&` and `||` in one policy: each may be a level.
pub const POLICY_LINKS_MAX: usize = 32;

/// A text that goes too deep: where in bytes, and by which limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TooDeep {
    Nesting(usize),
    Links(usize),
}

/// Does every policy in `text` stay within the limits? The first that does not is the error.
pub(super) fn check(text: &str) -> Result<(), TooDeep> {
    let (mut open, mut ifs, mut links) = (0_usize, 0_usize, 0_usize);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let token = match first {
            '"' => string_bytes(rest),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            '&' | '|' if rest.starts_with("&&") || rest.starts_with("||") => 2,
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(token);
        match token {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open = open.saturating_sub(1),
            "if" => ifs += 1,
            "." | "+" | "-" | "*" | "&&" | "||" => links += 1,
            // A policy ends, and has closed what it opened: else it will not parse.
            ";" => (open, ifs, links) = (0, 0, 0),
            _ => {}
        }
        let at = text.len() - rest.len();
        if open + ifs > POLICY_NESTING_MAX {
            return Err(TooDeep::Nesting(at));
        }
        if links > POLICY_LINKS_MAX {
            return Err(TooDeep::Links(at));
        }
        rest = after;
    }
    Ok(())
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Bytes of the string literal that `text` begins with, quotes included; all of it if the literal has no end.
fn string_bytes(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
