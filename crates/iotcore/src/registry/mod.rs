//! Things, thing groups, certificates, policies and templates: the statements on their tables. It knows no connection and no topic.

pub(crate) mod certificates;
pub(crate) mod groups;
pub(crate) mod policies;
pub(crate) mod policy_versions;
pub(crate) mod principal;
pub(crate) mod template_versions;
pub(crate) mod templates;
pub(crate) mod things;
