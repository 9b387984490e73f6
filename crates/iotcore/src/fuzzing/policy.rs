//! Policy documents, and what they decide: against a second reading of the document, by its JSON and without a thought for
//! its cost.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{parts, rewritten};
use crate::policy::{Action, ConnectFacts, Context, Decision, PolicyDocument, Request, Resource, ThingFacts, evaluate};

const REGION: &str = "local";
const ACCOUNT: &str = "000000000000";
/// Longest pattern and name that the second reading is asked about, in bytes together.
const NAIVE_BYTES_MAX: usize = 4096;

/// The input is a document and, by line, what is asked: the resource's name, the client id, the thing's type, its attribute
/// `place`, the client's address. What is allowed is allowed by a statement that allows it, and by nothing that forbids it.
pub fn policy(input: &[u8]) {
    let parts = parts(input);
    let text = |at: usize| String::from_utf8_lossy(parts.get(at).copied().unwrap_or_default()).into_owned();
    let (document, asked) = (text(0), text(1));
    let Ok(understood) = PolicyDocument::parse(&document) else { return };
    // The order of a condition's members is another, and it is the same document.
    let again = rewritten(&document).and_then(|document| PolicyDocument::parse(&document).ok());
    assert!(again.is_some());
    let Some(again) = again else { return };

    let lines: Vec<&str> = asked.split('\n').collect();
    let line = |at: usize| lines.get(at).copied().unwrap_or_default();
    let attributes = BTreeMap::from([("place".to_owned(), line(3).to_owned())]);
    let thing = ThingFacts { name: line(1), type_name: lines.get(2).copied(), attributes: &attributes };
    let context = Context { source_ip: lines.get(4).copied(), ..Context::new(REGION, ACCOUNT, line(1)) };
    let attached = Context { thing: Some(thing), certificate_id: Some("cafe"), ..context };
    let name = line(0);
    let will = ConnectFacts { persistent: true, last_will_topic: Some(name) };
    for context in [context, attached, Context { connect: Some(will), ..attached }] {
        for (action, resource) in [
            (Action::Connect, Resource::Client(name)),
            (Action::Publish, Resource::Topic(name)),
            (Action::Subscribe, Resource::TopicFilter(name)),
            (Action::UpdateThingShadow, Resource::Thing(name)),
            (Action::ListRetainedMessages, Resource::All),
        ] {
            let request = Request { action, resource, context: &context };
            assert_eq!(evaluate([&again], &request), evaluate([&understood], &request));
            decide(&understood, &document, &request);
        }
    }
}

fn decide(understood: &PolicyDocument, document: &str, request: &Request<'_>) {
    let decision = evaluate([understood], request);
    if let Ok(forbids_all) = PolicyDocument::parse(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iot:*", "Resource": "*"}}"#,
    ) {
        assert!(!evaluate([understood, &forbids_all], request).is_allowed());
        assert!(!evaluate([&forbids_all, understood], request).is_allowed());
    }
    assert_eq!(evaluate([understood, understood], request), decision);
    if document.len() > NAIVE_BYTES_MAX {
        return;
    }
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let statements = many(document.get("Statement"));
    let speaks: Vec<_> = statements.iter().map(|statement| speaks(statement, request)).collect();
    let of = |index: usize| (statements.get(index).map(|said| effect(said)), speaks.get(index).copied());
    match decision {
        Decision::Allow { statement, .. } => {
            assert!(matches!(of(statement), (Some("Allow"), Some(Speaks::Yes | Speaks::IfItsConditionHolds))));
        }
        Decision::ExplicitDeny { statement, .. } => {
            assert!(matches!(of(statement), (Some("Deny"), Some(Speaks::Yes | Speaks::IfItsConditionHolds))));
        }
        Decision::ImplicitDeny => {}
    }
    let says =
        |what| statements.iter().zip(&speaks).any(|(said, speaks)| effect(said) == what && *speaks == Speaks::Yes);
    if says("Deny") {
        assert!(matches!(decision, Decision::ExplicitDeny { .. }));
    } else if says("Allow") {
        assert_ne!(decision, Decision::ImplicitDeny);
    }
}

/// Whether a statement speaks of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Yes,
    IfItsConditionHolds,
    No,
}

fn speaks(statement: &Value, request: &Request<'_>) -> Speaks {
    let names_action = many(statement.get("Action")).iter().filter_map(|action| action.as_str()).any(|action| {
        let name = request.action.name();
        action.strip_suffix('*').map_or(name == action, |prefix| name.starts_with(prefix))
    });
    let is_denial = effect(statement) == "Deny";
    let is_about = match (statement.get("Resource"), statement.get("NotResource")) {
        (Some(resources), _) => is_one_of(resources, request, is_denial),
        (None, Some(resources)) if !is_defined(resources, request.context) => is_denial,
        (None, resources) => !is_one_of(resources.unwrap_or_default(), request, is_denial),
    };
    match (names_action && is_about, statement.get("Condition")) {
        (false, _) => Speaks::No,
        (true, None) => Speaks::Yes,
        (true, Some(_)) => Speaks::IfItsConditionHolds,
    }
}

fn effect(statement: &Value) -> &str {
    statement.get("Effect").and_then(Value::as_str).unwrap_or_default()
}

fn many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(values)) => values.iter().collect(),
        value => value.into_iter().collect(),
    }
}

fn texts(resources: &Value) -> Vec<&str> {
    many(Some(resources)).into_iter().filter_map(Value::as_str).collect()
}

fn is_one_of(resources: &Value, request: &Request<'_>, is_denial: bool) -> bool {
    let (kind, name) = match request.resource {
        Resource::Client(name) => ("client", name),
        Resource::Topic(name) => ("topic", name),
        Resource::TopicFilter(name) => ("topicfilter", name),
        Resource::Thing(name) => ("thing", name),
        Resource::All => ("", ""),
    };
    let matches = |pattern: &str, text: &str| {
        naive(&tokens(pattern, request.context, is_denial), &text.chars().collect::<Vec<_>>())
    };
    texts(resources).into_iter().any(|resource| {
        let parts: Vec<_> = resource.splitn(6, ':').collect();
        let [_, _, _, region, account, named] = parts[..] else { return resource == "*" };
        let is_named = match named.split_once('/') {
            Some((of_kind, pattern)) => of_kind == kind && matches(pattern, name),
            None => named == "*",
        };
        is_named && matches(region, REGION) && matches(account, ACCOUNT)
    })
}

fn is_defined(resources: &Value, context: &Context<'_>) -> bool {
    texts(resources).into_iter().all(|text| !tokens(text, context, false).contains(&Token::Nothing))
}

/// What a pattern is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Character(char),
    One,
    Any,
    /// A variable without a value, where it matches nothing.
    Nothing,
}

/// The pattern with the values of its variables.
fn tokens(mut pattern: &str, context: &Context<'_>, is_denial: bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    while let Some(character) = pattern.chars().next() {
        if let Some((name, after)) = pattern.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
            match value(name, context) {
                Some(value) => tokens.extend(value.chars().map(Token::Character)),
                None => tokens.push(if is_denial { Token::Any } else { Token::Nothing }),
            }
            pattern = after;
        } else {
            tokens.push(match character {
                '*' => Token::Any,
                '?' => Token::One,
                other => Token::Character(other),
            });
            pattern = pattern.get(character.len_utf8()..).unwrap_or_default();
        }
    }
    tokens
}

fn value<'a>(variable: &'a str, context: &Context<'a>) -> Option<&'a str> {
    match variable {
        "*" | "?" | "$" => Some(variable),
        "iot:ClientId" => Some(context.client_id).filter(|id| !id.is_empty()),
        "aws:SourceIp" => context.source_ip,
        "iot:CertificateId" => context.certificate_id,
        "iot:Connection.Thing.IsAttached" => Some(if context.thing.is_some() { "true" } else { "false" }),
        "iot:Connection.Thing.ThingName" => Some(context.thing?.name),
        "iot:Connection.Thing.ThingTypeName" => context.thing?.type_name,
        // No certificate is shown.
        _ => {
            let attribute = variable.strip_prefix("iot:Connection.Thing.Attributes[")?.strip_suffix(']')?;
            context.thing?.attributes.get(attribute).map(String::as_str)
        }
    }
}

/// By all places that the pattern can have come to after each character.
fn naive(pattern: &[Token], text: &[char]) -> bool {
    let skip = |mut places: Vec<bool>| {
        for (at, token) in pattern.iter().enumerate() {
            if *token == Token::Any
                && places.get(at) == Some(&true)
                && let Some(next) = places.get_mut(at + 1)
            {
                *next = true;
            }
        }
        places
    };
    let mut places = vec![false; pattern.len() + 1];
    if let Some(first) = places.first_mut() {
        *first = true;
    }
    places = skip(places);
    for character in text {
        let mut next = vec![false; places.len()];
        for ((at, token), _) in pattern.iter().enumerate().zip(&places).filter(|(_, is_here)| **is_here) {
            let to = match token {
                Token::Any => at,
                Token::One => at + 1,
                Token::Character(expected) if expected == character => at + 1,
                Token::Character(_) | Token::Nothing => continue,
            };
            if let Some(place) = next.get_mut(to) {
                *place = true;
            }
        }
        places = skip(next);
    }
    places.last() == Some(&true)
}
