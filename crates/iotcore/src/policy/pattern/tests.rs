use proptest::prelude::*;

use super::*;

fn context(client_id: &str) -> Context<'_> {
    Context::new("r", "1", client_id)
}

fn matches(pattern: &str, text: &str, client_id: &str) -> bool {
    Pattern::parse(pattern).unwrap().matches(text, &context(client_id), Undefined::MatchesNothing)
}

#[test]
fn wildcards_and_literals() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("*", "a/b/c", true),
        ("**", "a", true),
        ("a*c", "abbbc", true),
        ("a*c", "ac", true),
        ("a*c", "acd", false),
        ("a*b*c", "a1b2b3c", true),
        ("*aab", "aaaab", true),
        ("?", "", false),
        ("?", "ä", true),
        ("??", "ä", false),
        ("a?c", "a/c", true),
        ("*?", "", false),
        ("some/+/topic", "some/x/topic", false),
        ("some/+/topic", "some/+/topic", true),
        ("some/#", "some/x", false),
        ("${*}", "*", true),
        ("${*}", "a", false),
        ("${?}${$}{", "?${", true),
        ("$aws/things/$", "$aws/things/$", true),
        ("A", "a", false),
    ] {
        assert_eq!(matches(pattern, text, "client"), expected, "{pattern} {text}");
    }
}

#[test]
fn a_value_is_never_a_pattern() {
    for (client_id, text, expected) in [
        ("pi", "a/pi/b", true),
        ("pi", "a/x/b", false),
        ("*", "a/x/b", false),
        ("*", "a/*/b", true),
        ("?", "a/x/b", false),
        ("${iot:ClientId}", "a/${iot:ClientId}/b", true),
        // Over HTTPS there is no client id.
        ("", "a//b", false),
    ] {
        assert_eq!(matches("a/${iot:ClientId}/b", text, client_id), expected, "{client_id} {text}");
    }
}

#[test]
fn a_variable_without_a_value_is_nothing_or_anything() {
    let pattern = Pattern::parse("a/${iot:Connection.Thing.ThingName}/b").unwrap();
    for text in ["a/x/b", "a//b", "a/x/y/b"] {
        assert!(!pattern.matches(text, &context("c"), Undefined::MatchesNothing), "{text}");
        assert!(pattern.matches(text, &context("c"), Undefined::MatchesAnything), "{text}");
    }
    assert!(!pattern.matches("b/x/b", &context("c"), Undefined::MatchesAnything));
}

#[test]
fn unknown_and_unfinished_variables_are_named() {
    for (pattern, named) in
        [("a/${iot:Nope}/b", "iot:Nope"), ("a${", "${"), ("${}", ""), ("${iot:clientid}", "iot:clientid")]
    {
        let error = Pattern::parse(pattern).unwrap_err().to_string();
        assert_eq!(error, format!("the policy variable `{named}` is unknown"));
    }
}

/// What matching means, without a thought for its cost.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
        Some((first, rest)) => {
            text.split_first().is_some_and(|(next, left)| (*first == '?' || first == next) && naive(rest, left))
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_the_naive_matcher(pattern in "[ab?*ä]{0,10}", text in "[abä]{0,12}") {
        let (p, t): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(matches(&pattern, &text, "c"), naive(&p, &t));
    }

    /// A variable is its value with every special character escaped.
    #[test]
    fn substitution_is_escaping(before in "[a*?]{0,4}", value in "[a*?$]{1,4}", text in "[a*?$]{0,8}") {
        let escaped: String = value.chars().map(|c| format!("${{{c}}}").replace("${a}", "a")).collect();
        let with_variable = matches(&format!("{before}${{iot:ClientId}}*"), &text, &value);
        prop_assert_eq!(with_variable, matches(&format!("{before}{escaped}*"), &text, "unused"));
    }
}

/// A pattern that makes a recursive matcher take exponential time; it must end within the test.
#[test]
fn many_stars_are_harmless() {
    let pattern = "*a".repeat(1000);
    assert!(!matches(&pattern, &format!("{}b", "a".repeat(4000)), "c"));
}
