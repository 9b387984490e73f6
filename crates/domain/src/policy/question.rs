//! One question to Cedar: its facts as entities and context, built for that question alone.
//!
//! It knows the schema's types, not what any question is for.

use super::facts::Somebody;
use crate::{identity::Role, principal::Principal};
use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, ParseErrors, Request, RestrictedExpression, Schema,
};
use std::collections::{HashMap, HashSet};

/// Entity types of the schema, parsed once.
#[derive(Clone, Debug)]
pub(super) struct Types {
    action: EntityTypeName,
    agent: EntityTypeName,
    hub: EntityTypeName,
    invocation: EntityTypeName,
    kind: EntityTypeName,
    memory: EntityTypeName,
    person: EntityTypeName,
    risk: EntityTypeName,
    role: EntityTypeName,
    satellite: EntityTypeName,
    space: EntityTypeName,
    system: EntityTypeName,
    tier: EntityTypeName,
}

macro_rules! uids {
    ($($name:ident),*) => {$(
        pub(super) fn $name(&self, id: &str) -> EntityUid {
            EntityUid::from_type_name_and_id(self.$name.clone(), EntityId::new(id))
        }
    )*};
}

impl Types {
    pub(super) fn parse() -> Result<Self, Box<ParseErrors>> {
        Ok(Self {
            action: "Action".parse()?,
            agent: "Agent".parse()?,
            hub: "Hub".parse()?,
            invocation: "Invocation".parse()?,
            kind: "Kind".parse()?,
            memory: "Memory".parse()?,
            person: "Person".parse()?,
            risk: "Risk".parse()?,
            role: "Role".parse()?,
            satellite: "Satellite".parse()?,
            space: "Space".parse()?,
            system: "System".parse()?,
            tier: "Tier".parse()?,
        })
    }

    uids!(action, agent, hub, invocation, kind, memory, person, risk, role, satellite, space, system, tier);

    pub(super) fn principal(&self, principal: &Principal) -> EntityUid {
        match principal {
            Principal::Person(id) => self.person(id.as_str()),
            Principal::Satellite(id) => self.satellite(id.as_str()),
            Principal::Agent(id) => self.agent(id.as_str()),
            Principal::System => self.system("hub"),
        }
    }

    /// The roles that a person with `role` is in: their own and all lower ones, but `blocked` only for the blocked.
    fn roles(&self, role: Role) -> HashSet<EntityUid> {
        let is_in = |r: &Role| *r == role || (*r != Role::Blocked && *r < role);
        Role::ALL.iter().filter(|r| is_in(r)).map(|r| self.role(r.as_str())).collect()
    }
}

/// Values of a record: context, or the attributes of an entity.
#[derive(Clone, Default)]
pub(super) struct Values(HashMap<String, RestrictedExpression>);

impl Values {
    pub(super) fn flag(self, name: &str, value: bool) -> Self {
        self.value(name, RestrictedExpression::new_bool(value))
    }

    pub(super) fn number(self, name: &str, value: i64) -> Self {
        self.value(name, RestrictedExpression::new_long(value))
    }

    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.value(name, RestrictedExpression::new_string(value.to_owned()))
    }

    pub(super) fn entity(self, name: &str, value: EntityUid) -> Self {
        self.value(name, RestrictedExpression::new_entity_uid(value))
    }

    pub(super) fn optional(self, name: &str, value: Option<EntityUid>) -> Self {
        match value {
            Some(value) => self.entity(name, value),
            None => self,
        }
    }

    fn value(mut self, name: &str, value: RestrictedExpression) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }
}

/// Who may do something to what, under which circumstances.
#[derive(Clone)]
pub(super) struct Question {
    principal: EntityUid,
    resource: EntityUid,
    context: Values,
    attributes: Values,
    tags: Values,
    people: HashMap<EntityUid, Role>,
}

impl Question {
    pub(super) fn new(principal: EntityUid, resource: EntityUid) -> Self {
        let (context, attributes, tags) = (Values::default(), Values::default(), Values::default());
        Self { principal, resource, context, attributes, tags, people: HashMap::new() }
    }

    /// Sets the circumstances.
    pub(super) fn context(self, context: Values) -> Self {
        Self { context, ..self }
    }

    /// Describes the resource.
    pub(super) fn about(self, attributes: Values) -> Self {
        Self { attributes, ..self }
    }

    /// Describes the resource by names that are not the schema's.
    pub(super) fn tagged(self, tags: impl Iterator<Item = (String, String)>) -> Self {
        let tags = tags.fold(Values::default(), |tags, (name, value)| tags.text(&name, &value));
        Self { tags, ..self }
    }

    /// Makes the role of somebody known. If two are named for one person, the lower holds.
    pub(super) fn known(mut self, types: &Types, somebody: Somebody<'_>) -> Self {
        if let Some(role) = somebody.role {
            let known = self.people.entry(types.person(somebody.id.as_str())).or_insert(role);
            *known = role.min(*known);
        }
        self
    }

    /// What Cedar takes: the request for `action`, and the entities. Both are checked against the schema, so that a
    /// question which does not fit it is refused rather than half answered.
    pub(super) fn into_cedar(
        self,
        action: &str,
        types: &Types,
        schema: &Schema,
    ) -> Result<(Request, Entities), Box<dyn std::error::Error>> {
        let Self { principal, resource, context, attributes, tags, people } = self;
        let mut entities: Vec<_> =
            people.into_iter().map(|(uid, role)| Entity::new_no_attrs(uid, types.roles(role))).collect();
        if !attributes.0.is_empty() {
            entities.push(Entity::new_with_tags(resource.clone(), attributes.0, HashSet::new(), tags.0)?);
        }
        let context = Context::from_pairs(context.0)?;
        let request = Request::new(principal, types.action(action), resource, context, Some(schema))?;
        Ok((request, Entities::from_entities(entities, Some(schema))?))
    }
}
