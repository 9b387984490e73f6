//! The resources that a statement names by their ARNs. Developer Guide, "AWS IoT Core action resources".

use super::PolicyError;
use super::pattern::{Pattern, Undefined};
use super::request::{Context, Resource};

/// The kind of resource in an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Client,
    Topic,
    TopicFilter,
    Thing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ResourcePattern {
    /// `*`
    Everything,
    /// `arn:aws:iot:{region}:{account}:*` without a kind, or with `{kind}/{name}`.
    Arn { region: Pattern, account: Pattern, named: Option<(Kind, Pattern)> },
}

impl ResourcePattern {
    pub(super) fn parse(text: &str) -> Result<Self, PolicyError> {
        let refused = |reason| PolicyError::Resource { resource: text.to_owned(), reason };
        if text == "*" {
            return Ok(Self::Everything);
        }
        let rest = text.strip_prefix("arn:aws:iot:").ok_or_else(|| refused("it does not begin with `arn:aws:iot:`"))?;
        let mut parts = rest.splitn(3, ':');
        let (Some(region), Some(account), Some(resource)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refused("an ARN is `arn:aws:iot:{region}:{account}:{kind}/{name}`"));
        };
        let named = if resource == "*" {
            None
        } else {
            let (kind, name) = resource.split_once('/').ok_or_else(|| refused("it has no `/` after its kind"))?;
            let kind = match kind {
                "client" => Kind::Client,
                "topic" => Kind::Topic,
                "topicfilter" => Kind::TopicFilter,
                "thing" => Kind::Thing,
                _ => return Err(refused("its kind is none of `client`, `topic`, `topicfilter` and `thing`")),
            };
            Some((kind, Pattern::parse(name)?))
        };
        Ok(Self::Arn { region: Pattern::parse(region)?, account: Pattern::parse(account)?, named })
    }

    pub(super) fn matches(&self, resource: Resource<'_>, context: &Context<'_>, undefined: Undefined) -> bool {
        let Self::Arn { region, account, named } = self else { return true };
        let asked = match resource {
            Resource::Client(name) => Some((Kind::Client, name)),
            Resource::Topic(name) => Some((Kind::Topic, name)),
            Resource::TopicFilter(name) => Some((Kind::TopicFilter, name)),
            Resource::Thing(name) => Some((Kind::Thing, name)),
            Resource::All => None,
        };
        let names = |(kind, name): &(Kind, Pattern)| {
            asked.is_some_and(|(asked_kind, asked)| *kind == asked_kind && name.matches(asked, context, undefined))
        };
        region.matches(context.region, context, undefined)
            && account.matches(context.account, context, undefined)
            && named.as_ref().is_none_or(names)
    }

    /// Whether each variable in it has a value.
    pub(super) fn is_defined(&self, context: &Context<'_>) -> bool {
        let Self::Arn { region, account, named } = self else { return true };
        region.is_defined(context)
            && account.is_defined(context)
            && named.as_ref().is_none_or(|(_, name)| name.is_defined(context))
    }
}

/// `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resources {
    /// One of these.
    Of(Vec<ResourcePattern>),
    /// None of these.
    NotOf(Vec<ResourcePattern>),
}

impl Resources {
    pub(super) fn cover(&self, resource: Resource<'_>, context: &Context<'_>, undefined: Undefined) -> bool {
        let is_one_of =
            |patterns: &[ResourcePattern]| patterns.iter().any(|pattern| pattern.matches(resource, context, undefined));
        match self {
            Self::Of(patterns) => is_one_of(patterns),
            // What is left out is not known: an `Allow` grants nothing, a `Deny` leaves nothing out.
            Self::NotOf(patterns) if !patterns.iter().all(|pattern| pattern.is_defined(context)) => {
                undefined == Undefined::MatchesAnything
            }
            Self::NotOf(patterns) => !is_one_of(patterns),
        }
    }
}
