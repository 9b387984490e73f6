//! The control operations of the AWS IoT API, as methods of [`IotCore`](crate::IotCore), by subject.

mod certificates;
mod groups;
mod jobs;
mod policies;
mod policy_versions;
mod shadows;
mod template_versions;
mod templates;
mod things;

pub use certificates::KeysAndCertificate;
pub use shadows::ShadowRequestError;
