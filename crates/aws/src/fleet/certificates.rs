//! Keys and certificates. Each is put under its policy and beside its thing first and made active last, so that one which is left
//! behind half done is good for nothing; what can be taken back is.

use aws_sdk_iot::{Client, types::CertificateStatus};
use marvain_hub::port::Cause;

/// A certificate and the private key that AWS has made for it and keeps nowhere.
pub(super) struct Keys {
    pub(super) certificate_id: String,
    pub(super) certificate_pem: String,
    pub(super) private_key_pem: String,
}

/// A certificate that is active under a policy, of a thing if it is named.
pub(super) async fn issue(iot: &Client, policy: &str, thing: Option<&str>) -> Result<Keys, Cause> {
    let made = iot.create_keys_and_certificate().set_as_active(false).send().await?;
    let missing = |what: &str| format!("the new certificate has no {what}");
    let id = made.certificate_id().ok_or_else(|| missing("id"))?;
    let arn = made.certificate_arn().ok_or_else(|| missing("ARN"))?;
    if let Err(error) = put_in_place(iot, id, arn, policy, thing).await {
        take_back(iot, id, arn, policy, thing).await;
        return Err(error);
    }
    let pair = made.key_pair().and_then(|pair| pair.private_key());
    Ok(Keys {
        certificate_id: id.to_owned(),
        certificate_pem: made.certificate_pem().ok_or_else(|| missing("text"))?.to_owned(),
        private_key_pem: pair.ok_or_else(|| missing("key"))?.to_owned(),
    })
}

async fn put_in_place(iot: &Client, id: &str, arn: &str, policy: &str, thing: Option<&str>) -> Result<(), Cause> {
    iot.attach_policy().policy_name(policy).target(arn).send().await?;
    if let Some(thing) = thing {
        iot.attach_thing_principal().thing_name(thing).principal(arn).send().await?;
    }
    iot.update_certificate().certificate_id(id).new_status(CertificateStatus::Active).send().await?;
    Ok(())
}

/// As far as it goes: what is left is not active.
async fn take_back(iot: &Client, id: &str, arn: &str, policy: &str, thing: Option<&str>) {
    let taken: Result<(), Cause> = async {
        iot.update_certificate().certificate_id(id).new_status(CertificateStatus::Inactive).send().await?;
        if let Some(thing) = thing {
            iot.detach_thing_principal().thing_name(thing).principal(arn).send().await?;
        }
        iot.detach_policy().policy_name(policy).target(arn).send().await?;
        iot.delete_certificate().certificate_id(id).send().await?;
        Ok(())
    }
    .await;
    if let Err(error) = taken {
        tracing::warn!(
            certificate = id,
            error = marvain_domain::chain(error.as_ref()),
            "a certificate that nobody uses is left"
        );
    }
}
