//! The template itself: its sections and resources, from JSON to checked parts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TemplateError;
use super::plan::{CertificateStatus, Override, Overrides};
use super::value::{CERTIFICATE_ID, Expression, Mappings, Scope, shape};
use crate::limits::{POLICIES_MAX, TEMPLATE_BYTES_MAX};
use crate::policy::PolicyDocument;

/// A fleet provisioning template that is understood in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Declared parameters with their defaults.
    pub(super) parameters: BTreeMap<String, Option<String>>,
    pub(super) mappings: Mappings,
    pub(super) thing: Thing,
    pub(super) certificate: Certificate,
    /// By logical name.
    pub(super) policies: BTreeMap<String, Policy>,
    pub(super) device_configuration: BTreeMap<String, Expression>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Thing {
    pub(super) name: Expression,
    pub(super) attributes: BTreeMap<String, Expression>,
    pub(super) groups: Vec<Expression>,
    pub(super) thing_type: Option<Expression>,
    pub(super) overrides: Overrides,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Certificate {
    pub(super) status: CertificateStatus,
    pub(super) status_override: Override,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Policy {
    Name(Expression),
    Document(Expression),
}

impl Template {
    /// Parses a template body as `CreateProvisioningTemplate` takes it.
    ///
    /// # Errors
    /// [`TemplateError`], which names the part that is missing or not supported, and where.
    pub fn parse(json: &str) -> Result<Self, TemplateError> {
        if json.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateError::TooLong { bytes: json.len() });
        }
        let body: Value = serde_json::from_str(json)?;
        let body = object(&body, "template")?;
        only(body, "template", &["Parameters", "Mappings", "Resources", "DeviceConfiguration"])?;
        let parameters = parse_parameters(body.get("Parameters"))?;
        let mappings = parse_mappings(body.get("Mappings"))?;
        let declared = |name: &str| name == CERTIFICATE_ID || parameters.contains_key(name);

        let resources = object(required(body, "template", "Resources")?, "Resources")?;
        let (mut thing, mut certificate, mut policies) = (None, None, BTreeMap::new());
        for (logical, resource) in resources {
            let at = format!("Resources.{logical}");
            let resource = object(resource, &at)?;
            only(resource, &at, &["Type", "Properties", "OverrideSettings"])?;
            match text(required(resource, &at, "Type")?, &format!("{at}.Type"))? {
                kind @ "AWS::IoT::Thing" => once(&mut thing, &at, kind, Thing::parse(resource, &at, &declared)?)?,
                kind @ "AWS::IoT::Certificate" => {
                    once(&mut certificate, &at, kind, Certificate::parse(resource, &at, &declared)?)?;
                }
                "AWS::IoT::Policy" => {
                    let policy = Policy::parse(resource, &at, &declared, &mappings)?;
                    policies.insert(logical.clone(), policy);
                }
                kind => return Err(TemplateError::Unsupported { at, found: kind.to_owned() }),
            }
        }
        if policies.len() > POLICIES_MAX {
            return Err(TemplateError::TooManyPolicies);
        }
        let missing = |kind: &str| TemplateError::Missing { at: format!("Resources: {kind}") };
        Ok(Self {
            thing: thing.ok_or_else(|| missing("AWS::IoT::Thing"))?,
            certificate: certificate.ok_or_else(|| missing("AWS::IoT::Certificate"))?,
            policies,
            device_configuration: members(body.get("DeviceConfiguration"), "DeviceConfiguration", &declared)?,
            mappings,
            parameters,
        })
    }

    /// The declared parameters and their defaults, ordered by name.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.parameters.iter().map(|(name, default)| (name.as_str(), default.as_deref()))
    }
}

type Declared<'a> = &'a dyn Fn(&str) -> bool;

impl Thing {
    fn parse(resource: &Map<String, Value>, at: &str, declared: Declared<'_>) -> Result<Self, TemplateError> {
        let (properties, at_properties) = properties(resource, at)?;
        only(properties, &at_properties, &["ThingName", "AttributePayload", "ThingTypeName", "ThingGroups"])?;
        let value = |name: &str| {
            let parse = |value| Expression::parse(value, &format!("{at_properties}.{name}"), declared);
            properties.get(name).map(parse).transpose()
        };
        let name = value("ThingName")?;
        let groups = match value("ThingGroups")? {
            None => Vec::new(),
            Some(Expression::List(groups)) => groups,
            Some(_) => return Err(shape(&format!("{at_properties}.ThingGroups"), "a list of texts")),
        };
        let (settings, at_settings) = overrides(resource, at, &["AttributePayload", "ThingTypeName", "ThingGroups"])?;
        let setting = |name, mergeable| Override::parse(settings.get(name), &at_settings, name, mergeable);
        Ok(Self {
            name: name.ok_or_else(|| TemplateError::Missing { at: format!("{at_properties}.ThingName") })?,
            attributes: members(
                properties.get("AttributePayload"),
                &format!("{at_properties}.AttributePayload"),
                declared,
            )?,
            groups,
            thing_type: value("ThingTypeName")?,
            overrides: Overrides {
                attributes: setting("AttributePayload", true)?,
                thing_type: setting("ThingTypeName", false)?,
                groups: setting("ThingGroups", true)?,
            },
        })
    }
}

impl Certificate {
    fn parse(resource: &Map<String, Value>, at: &str, declared: Declared<'_>) -> Result<Self, TemplateError> {
        let (properties, at_properties) = properties(resource, at)?;
        // A CSR or a PEM is for other kinds of provisioning ("Certificate resources").
        only(properties, &at_properties, &["CertificateId", "Status"])?;
        let at_id = format!("{at_properties}.CertificateId");
        let id = Expression::parse(required(properties, &at_properties, "CertificateId")?, &at_id, declared)?;
        if id != Expression::Parameter(CERTIFICATE_ID.to_owned()) {
            return Err(shape(&at_id, "`{\"Ref\": \"AWS::IoT::Certificate::Id\"}`"));
        }
        let at_status = format!("{at_properties}.Status");
        let status = match properties.get("Status").map(|status| text(status, &at_status)).transpose()? {
            None => CertificateStatus::Active,
            Some(status) if status.eq_ignore_ascii_case("ACTIVE") => CertificateStatus::Active,
            Some(status) if status.eq_ignore_ascii_case("INACTIVE") => CertificateStatus::Inactive,
            Some(status) => return Err(TemplateError::Unsupported { at: at_status, found: status.to_owned() }),
        };
        let (settings, at_settings) = overrides(resource, at, &["Status"])?;
        Ok(Self { status, status_override: Override::parse(settings.get("Status"), &at_settings, "Status", false)? })
    }
}

impl Policy {
    fn parse(
        resource: &Map<String, Value>,
        at: &str,
        declared: Declared<'_>,
        mappings: &Mappings,
    ) -> Result<Self, TemplateError> {
        overrides(resource, at, &[])?;
        let (properties, at_properties) = properties(resource, at)?;
        only(properties, &at_properties, &["PolicyName", "PolicyDocument"])?;
        match (properties.get("PolicyName"), properties.get("PolicyDocument")) {
            (Some(name), None) => Ok(Self::Name(Expression::parse(name, &at_properties, declared)?)),
            (None, Some(document)) => {
                let document = Expression::parse(document, &at_properties, declared)?;
                // What depends on no parameter can be checked now instead of at the first device.
                let scope = Scope { parameters: &BTreeMap::new(), mappings, in_policy: false };
                match policy_source(&document, scope, &at_properties) {
                    Ok(_) | Err(TemplateError::MissingParameter(_)) => Ok(Self::Document(document)),
                    Err(error) => Err(error),
                }
            }
            _ => Err(TemplateError::PolicySource { at: at_properties }),
        }
    }
}

/// The text of a policy document, which a template has as a text or as an object; checked.
pub(super) fn policy_source(document: &Expression, scope: Scope<'_>, at: &str) -> Result<String, TemplateError> {
    let scope = Scope { in_policy: true, ..scope };
    let source = match document {
        Expression::Object(_) => document.resolve(scope, at)?.to_string(),
        _ => document.text(scope, at)?,
    };
    match PolicyDocument::parse(&source) {
        Ok(_) => Ok(source),
        Err(source) => Err(TemplateError::Policy { at: at.to_owned(), source }),
    }
}

fn parse_parameters(section: Option<&Value>) -> Result<BTreeMap<String, Option<String>>, TemplateError> {
    let Some(section) = section else { return Ok(BTreeMap::new()) };
    let parse = |(name, declaration): (&String, &Value)| {
        let at = format!("Parameters.{name}");
        let declaration = object(declaration, &at)?;
        only(declaration, &at, &["Type", "Default"])?;
        match text(required(declaration, &at, "Type")?, &format!("{at}.Type"))? {
            "String" => {}
            other => return Err(TemplateError::Unsupported { at: format!("{at}.Type"), found: other.to_owned() }),
        }
        let default = declaration.get("Default").map(|default| text(default, &format!("{at}.Default"))).transpose()?;
        Ok((name.clone(), default.map(str::to_owned)))
    };
    object(section, "Parameters")?.iter().map(parse).collect()
}

fn parse_mappings(section: Option<&Value>) -> Result<Mappings, TemplateError> {
    let Some(section) = section else { return Ok(Mappings::new()) };
    let mut mappings = Mappings::new();
    for (map, keys) in object(section, "Mappings")? {
        let at_map = format!("Mappings.{map}");
        for (key, names) in object(keys, &at_map)? {
            let at_key = format!("{at_map}.{key}");
            for (name, value) in object(names, &at_key)? {
                let value = text(value, &format!("{at_key}.{name}"))?.to_owned();
                mappings.entry(map.clone()).or_default().entry(key.clone()).or_default().insert(name.clone(), value);
            }
        }
    }
    Ok(mappings)
}

/// The members of an optional object, each a value.
fn members(
    section: Option<&Value>,
    at: &str,
    declared: Declared<'_>,
) -> Result<BTreeMap<String, Expression>, TemplateError> {
    match section.map(|section| Expression::parse(section, at, declared)).transpose()? {
        None => Ok(BTreeMap::new()),
        Some(Expression::Object(members)) => Ok(members),
        Some(_) => Err(shape(at, "an object")),
    }
}

fn properties<'v>(
    resource: &'v Map<String, Value>,
    at: &str,
) -> Result<(&'v Map<String, Value>, String), TemplateError> {
    let at_properties = format!("{at}.Properties");
    Ok((object(required(resource, at, "Properties")?, &at_properties)?, at_properties))
}

/// The `OverrideSettings` of a resource, of which only `allowed` may be set.
fn overrides(
    resource: &Map<String, Value>,
    at: &str,
    allowed: &[&str],
) -> Result<(Map<String, Value>, String), TemplateError> {
    let at = format!("{at}.OverrideSettings");
    let settings = match resource.get("OverrideSettings") {
        None => Map::new(),
        Some(settings) => object(settings, &at)?.clone(),
    };
    only(&settings, &at, allowed)?;
    Ok((settings, at))
}

fn once<T>(slot: &mut Option<T>, at: &str, kind: &str, value: T) -> Result<(), TemplateError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(TemplateError::Repeated { at: at.to_owned(), kind: kind.to_owned() }),
    }
}

/// Refuses members that are not among `known`.
fn only(members: &Map<String, Value>, at: &str, known: &[&str]) -> Result<(), TemplateError> {
    match members.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(TemplateError::Unsupported { at: at.to_owned(), found: key.clone() }),
    }
}

fn required<'v>(members: &'v Map<String, Value>, at: &str, key: &str) -> Result<&'v Value, TemplateError> {
    members.get(key).ok_or_else(|| TemplateError::Missing { at: format!("{at}.{key}") })
}

fn object<'v>(value: &'v Value, at: &str) -> Result<&'v Map<String, Value>, TemplateError> {
    value.as_object().ok_or_else(|| shape(at, "an object"))
}

fn text<'v>(value: &'v Value, at: &str) -> Result<&'v str, TemplateError> {
    value.as_str().ok_or_else(|| shape(at, "a text"))
}
