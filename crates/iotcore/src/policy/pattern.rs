//! Patterns of resource names: text, the wildcards `*` and `?`, and policy variables.
//!
//! A pattern is tokens from the moment it is parsed. A variable's value is compared character by character where its token
//! stands and is never read as a pattern, so a client id of `*` is that character and no wildcard.
//! Matching does not recurse, and takes at most the product of the lengths of pattern and text.

use super::PolicyError;
use super::request::Context;
use super::variable::Variable;

/// What an undefined variable (one without a value for this connection) matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undefined {
    /// No text: what an `Allow` needs, so that it grants nothing by accident.
    MatchesNothing,
    /// Any text, as `*` does: what a `Deny` needs, so that it forbids at least what it would with any value.
    MatchesAnything,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Text(Box<str>),
    Variable(Variable),
    /// `*`: any characters, none too.
    Any,
    /// `?`: one character.
    One,
}

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Token>);

impl Pattern {
    /// A pattern with wildcards, as in a resource.
    pub(super) fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::tokenize(text, true)
    }

    /// A text in which `*` and `?` are plain characters, as in a value of `StringEquals`.
    pub(super) fn parse_without_wildcards(text: &str) -> Result<Self, PolicyError> {
        Self::tokenize(text, false)
    }

    fn tokenize(mut rest: &str, wildcards: bool) -> Result<Self, PolicyError> {
        let mut tokens = Vec::new();
        let mut text = String::new();
        while let Some(character) = rest.chars().next() {
            let token;
            (token, rest) = match rest.strip_prefix("${") {
                Some(after) => {
                    let (name, after) = after.split_once('}').ok_or_else(|| PolicyError::Variable(rest.to_owned()))?;
                    // `${*}`, `${?}` and `${$}` are those characters themselves ("AWS IoT Core policy variables").
                    if let "*" | "?" | "$" = name {
                        text.push_str(name);
                        (None, after)
                    } else {
                        let unknown = || PolicyError::Variable(name.to_owned());
                        (Some(Token::Variable(Variable::parse(name).ok_or_else(unknown)?)), after)
                    }
                }
                None => {
                    let after = rest.get(character.len_utf8()..).unwrap_or_default();
                    match character {
                        '*' if wildcards => (Some(Token::Any), after),
                        '?' if wildcards => (Some(Token::One), after),
                        _ => {
                            text.push(character);
                            (None, after)
                        }
                    }
                }
            };
            if let Some(token) = token {
                if !text.is_empty() {
                    tokens.push(Token::Text(std::mem::take(&mut text).into()));
                }
                tokens.push(token);
            }
        }
        if !text.is_empty() {
            tokens.push(Token::Text(text.into()));
        }
        Ok(Self(tokens))
    }

    /// Whether each variable in it has a value.
    pub(super) fn is_defined(&self, context: &Context<'_>) -> bool {
        self.0.iter().all(|token| match token {
            Token::Variable(variable) => variable.value(context).is_some(),
            Token::Text(_) | Token::Any | Token::One => true,
        })
    }

    /// Whether the pattern, with the variables of `context`, matches the whole of `text`.
    pub(super) fn matches(&self, text: &str, context: &Context<'_>, undefined: Undefined) -> bool {
        // Greedy with one point to go back to: the latest `*`, which then takes one character more. Earlier ones need no
        // second try, because what lies between two `*` was found as early as possible.
        let mut tokens: &[Token] = &self.0;
        let mut rest = text;
        let mut back: Option<(&[Token], &str)> = None;
        loop {
            match step(tokens, rest, context, undefined) {
                Step::Matched => return true,
                Step::Star(after) => {
                    tokens = after;
                    back = Some((after, rest));
                }
                Step::Taken(after, left) => (tokens, rest) = (after, left),
                Step::Failed => {
                    let Some((after, from)) = back else { return false };
                    let mut characters = from.chars();
                    if characters.next().is_none() {
                        return false;
                    }
                    (tokens, rest) = (after, characters.as_str());
                    back = Some((after, rest));
                }
            }
        }
    }
}

enum Step<'p, 't> {
    Matched,
    Failed,
    /// A `*`; the tokens after it.
    Star(&'p [Token]),
    /// The first token took some of the text; what is left of both.
    Taken(&'p [Token], &'t str),
}

/// Compares the first token with the beginning of `text`.
fn step<'p, 't>(tokens: &'p [Token], text: &'t str, context: &Context<'_>, undefined: Undefined) -> Step<'p, 't> {
    let Some((token, after)) = tokens.split_first() else {
        return if text.is_empty() { Step::Matched } else { Step::Failed };
    };
    let left = match token {
        Token::Any => return Step::Star(after),
        Token::One => {
            let mut characters = text.chars();
            characters.next().map(|_| characters.as_str())
        }
        Token::Text(expected) => text.strip_prefix(&**expected),
        Token::Variable(variable) => match (variable.value(context), undefined) {
            (Some(value), _) => text.strip_prefix(value),
            (None, Undefined::MatchesAnything) => return Step::Star(after),
            (None, Undefined::MatchesNothing) => None,
        },
    };
    left.map_or(Step::Failed, |left| Step::Taken(after, left))
}

#[cfg(test)]
mod tests;
