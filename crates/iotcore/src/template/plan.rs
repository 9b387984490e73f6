//! The plan: what a template makes for one device.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TemplateError;
use super::body::{Policy, Template, policy_source};
use super::value::{CERTIFICATE_ID, Scope, shape};
use crate::attributes::check;
use crate::limits::{ATTRIBUTES_MAX, THING_NAME_BYTES_MAX};
use crate::names::{ThingName, checked};

/// What is to be made for one device; nothing of it exists yet.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvisioningPlan {
    /// The thing to make, or to use if it exists.
    pub thing_name: ThingName,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// The groups that it joins.
    pub groups: Vec<String>,
    /// Its type.
    pub thing_type: Option<String>,
    /// What to do with those three when the thing exists.
    pub overrides: Overrides,
    /// The policies to attach to the certificate, ordered by their logical names in the template.
    pub policies: Vec<PolicyRef>,
    /// What the certificate becomes.
    pub certificate_status: CertificateStatus,
    /// What to do with the certificate's status when it is set already.
    pub certificate_status_override: Override,
    /// What the device is told.
    pub device_configuration: Map<String, Value>,
}

/// A policy to attach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyRef {
    /// One that exists under this name.
    Name(String),
    /// This document, which [`crate::policy::PolicyDocument::parse`] accepts; AWS names it after its hash.
    Document(String),
}

/// Whether the certificate lets its device connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStatus {
    /// It does.
    Active,
    /// Not yet.
    Inactive,
}

/// What to do with a property of a thing that exists already ("Override settings").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Override {
    /// Leave it. The default: AWS's page names none, and this one changes nothing.
    #[default]
    DoNothing,
    /// Replace it by the template's.
    Replace,
    /// Fail with a conflict.
    Fail,
    /// Add the template's to it.
    Merge,
}

/// [`Override`] for each property of a thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// For the attributes.
    pub attributes: Override,
    /// For the type; never [`Override::Merge`].
    pub thing_type: Override,
    /// For the groups.
    pub groups: Override,
}

impl Override {
    pub(super) fn parse(
        setting: Option<&Value>,
        at: &str,
        property: &str,
        mergeable: bool,
    ) -> Result<Self, TemplateError> {
        let at = format!("{at}.{property}");
        let Some(setting) = setting else { return Ok(Self::default()) };
        match setting.as_str().ok_or_else(|| shape(&at, "a text"))? {
            "DO_NOTHING" => Ok(Self::DoNothing),
            "REPLACE" => Ok(Self::Replace),
            "FAIL" => Ok(Self::Fail),
            "MERGE" if mergeable => Ok(Self::Merge),
            other => Err(TemplateError::Unsupported { at, found: other.to_owned() }),
        }
    }
}

impl Template {
    /// Fills the template in for one device. `parameters` are the device's (those that are not declared are left out of
    /// account); `certificate_id` is what `AWS::IoT::Certificate::Id` stands for, whatever the device says it is.
    ///
    /// # Errors
    /// [`TemplateError`]: a parameter that is missing, or a value that does not fit what it is for.
    pub fn plan(
        &self,
        parameters: &BTreeMap<String, String>,
        certificate_id: &str,
    ) -> Result<ProvisioningPlan, TemplateError> {
        let given = |name: &String| parameters.get(name).map(String::as_str);
        let declared = self.parameters.iter();
        let mut values: BTreeMap<&str, &str> =
            declared.filter_map(|(name, default)| Some((name.as_str(), given(name).or(default.as_deref())?))).collect();
        values.insert(CERTIFICATE_ID, certificate_id);
        let scope = Scope { parameters: &values, mappings: &self.mappings, in_policy: false };

        // Every declared parameter without a default is required, used or not.
        if let Some(missing) = self.parameters.keys().find(|name| !values.contains_key(name.as_str())) {
            return Err(TemplateError::MissingParameter(missing.clone()));
        }
        let thing = &self.thing;
        let groups = thing.groups.iter().map(|group| {
            let name = group.text(scope, "ThingGroups")?;
            checked("group", &name, THING_NAME_BYTES_MAX)?;
            Ok::<_, TemplateError>(name)
        });
        let thing_type = thing.thing_type.as_ref().map(|thing_type| {
            let name = thing_type.text(scope, "ThingTypeName")?;
            checked("thing type", &name, THING_NAME_BYTES_MAX)?;
            Ok::<_, TemplateError>(name)
        });
        let policies = self.policies.values().map(|policy| match policy {
            Policy::Name(name) => name.text(scope, "PolicyName").map(PolicyRef::Name),
            Policy::Document(document) => policy_source(document, scope, "PolicyDocument").map(PolicyRef::Document),
        });
        let configuration = self.device_configuration.iter();
        let configuration =
            configuration.map(|(key, value)| Ok((key.clone(), value.resolve(scope, "DeviceConfiguration")?)));
        Ok(ProvisioningPlan {
            thing_name: ThingName::parse(&thing.name.text(scope, "ThingName")?)?,
            attributes: self.attributes(scope)?,
            groups: groups.collect::<Result<_, _>>()?,
            thing_type: thing_type.transpose()?,
            overrides: thing.overrides,
            policies: policies.collect::<Result<_, _>>()?,
            certificate_status: self.certificate.status,
            certificate_status_override: self.certificate.status_override,
            device_configuration: configuration.collect::<Result<_, TemplateError>>()?,
        })
    }

    fn attributes(&self, scope: Scope<'_>) -> Result<BTreeMap<String, String>, TemplateError> {
        let mut attributes = BTreeMap::new();
        for (name, value) in &self.thing.attributes {
            let value = value.text(scope, &format!("AttributePayload.{name}"))?;
            let refused = |reason| Err(TemplateError::Attribute { name: name.clone(), reason });
            if attributes.len() == ATTRIBUTES_MAX {
                return refused("a thing has at most 50 attributes");
            }
            if let Err(reason) = check(name, &value) {
                return refused(reason);
            }
            attributes.insert(name.clone(), value);
        }
        Ok(attributes)
    }
}
