//! Revoking a certificate: "Activate or deactivate a client certificate", `UpdateCertificate`.
//!
//! AWS ends the connections of a certificate that is active no more "within a few minutes". That is too long for a satellite that
//! somebody has in their hands, so that its connection is deleted as well (`DeleteConnection`): its client id is its thing's
//! name, as the policy of satellites has it. A claim has no thing, and no policy lets it do more than enrol.

use aws_sdk_iot::types::CertificateStatus;
use marvain_hub::port::Cause;

/// Most things of one certificate whose connections are looked for; ours have one.
const THINGS_MAX: i32 = 25;

/// Revokes the certificate, then ends its things' connections. One that does not exist is revoked for good.
pub(super) async fn revoke(
    iot: &aws_sdk_iot::Client,
    iot_data: &aws_sdk_iotdataplane::Client,
    certificate_id: &str,
) -> Result<(), Cause> {
    let request = iot.update_certificate().certificate_id(certificate_id).new_status(CertificateStatus::Revoked);
    match request.send().await {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
            tracing::warn!(certificate_id, "there is no such certificate to revoke");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    let described = match iot.describe_certificate().certificate_id(certificate_id).send().await {
        Ok(described) => described,
        // Deleted meanwhile.
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let arn = described.certificate_description().and_then(|described| described.certificate_arn());
    let arn = arn.ok_or("the certificate is described without its ARN")?;
    let things = iot.list_principal_things().principal(arn).max_results(THINGS_MAX).send().await?;
    for thing in things.things() {
        match iot_data.delete_connection().client_id(thing).send().await {
            Ok(_) => {}
            // Nobody is connected under that name.
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
