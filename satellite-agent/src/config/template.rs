//! Arguments of a program with `{name}` in them.
//!
//! There is no shell: a value becomes the whole or a part of one argument, whatever characters it has.

use serde_json::{Map, Value};

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Literal(String),
    Placeholder(String),
}

/// One argument of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Template(Vec<Piece>);

impl Template {
    /// `{name}` is a placeholder where `name` is an identifier; other braces stand for themselves.
    pub(super) fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            literal.push_str(before);
            match after.split_once('}') {
                Some((name, tail)) if is_name(name) => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Placeholder(name.to_owned()));
                    rest = tail;
                }
                _ => {
                    literal.push('{');
                    rest = after;
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Self(pieces)
    }

    /// The names in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Placeholder(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    fn begins_with_value(&self) -> bool {
        matches!(self.0.first(), Some(Piece::Placeholder(_)))
    }

    /// The argument with its values, or none if one of them was left out.
    fn render(&self, args: &Map<String, Value>) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Placeholder(name) => match args.get(name)? {
                    Value::String(value) => text.push_str(value),
                    other => text.push_str(&other.to_string()),
                },
            }
        }
        Some(text)
    }
}

/// A name that may stand in braces.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The arguments with their values. One whose value was left out is left out. A text that a program would take for an
/// option is refused: it would begin an argument with `-`, and no `--` stands before it.
pub(super) fn render(templates: &[Template], args: &Map<String, Value>) -> Result<Vec<String>, String> {
    let mut argv: Vec<String> = Vec::with_capacity(templates.len());
    for template in templates {
        let Some(text) = template.render(args) else { continue };
        let option = template.begins_with_value() && text.starts_with('-') && text.parse::<f64>().is_err();
        if option && !argv.iter().any(|earlier| earlier == "--") {
            let name = template.names().next().unwrap_or_default();
            return Err(format!("argument `{name}` must not begin with `-`: the program would take it for an option"));
        }
        argv.push(text);
    }
    Ok(argv)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(argv: &[&str], args: &Value) -> Result<Vec<String>, String> {
        let templates: Vec<_> = argv.iter().map(|text| Template::parse(text)).collect();
        render(&templates, args.as_object().unwrap())
    }

    #[test]
    fn a_value_is_one_argument_or_part_of_one() {
        let cases: [(&[&str], Value, &[&str]); 7] = [
            (&["lamp", "{state}"], json!({"state": "on"}), &["lamp", "on"]),
            (&["lamp", "{state}"], json!({"state": "on; rm -rf / $(id)"}), &["lamp", "on; rm -rf / $(id)"]),
            (&["fan", "--speed={level}%"], json!({"level": 40}), &["fan", "--speed=40%"]),
            (&["fan", "{level}"], json!({"level": -3}), &["fan", "-3"]),
            (&["x", "--note={note}", "{a}{b}"], json!({"a": true, "b": "z"}), &["x", "truez"]),
            (&["jq", "{}", "{ a }", "{A}", "}{"], json!({}), &["jq", "{}", "{ a }", "{A}", "}{"]),
            (&["say", "--", "{text}"], json!({"text": "-w"}), &["say", "--", "-w"]),
        ];
        for (argv, args, expected) in cases {
            assert_eq!(rendered(argv, &args).unwrap(), expected, "{argv:?}");
        }
    }

    #[test]
    fn a_value_is_never_an_option() {
        let refusal = rendered(&["say", "{text}"], &json!({"text": "-w/etc/passwd"})).unwrap_err();
        assert_eq!(refusal, "argument `text` must not begin with `-`: the program would take it for an option");
        assert!(rendered(&["say", "{text}"], &json!({"text": "a-w"})).is_ok());
    }
}
