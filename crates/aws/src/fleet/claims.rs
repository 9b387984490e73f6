//! Claim certificates, and how one takes another's place.
//!
//! A claim lies on every device that has not enrolled yet, so that it cannot simply be exchanged: the new one is made, devices
//! that are prepared from then on have it, and the old one is deactivated once those that were prepared before have had time to
//! enrol. Which those are follows from when each was made, so that nothing has to be remembered.

use super::{AwsFleet, failed};
use aws_sdk_iot::types::{CertificateDescription, CertificateStatus};
use marvain_domain::Timestamp;
use marvain_hub::port::{Cause, FleetError};
use marvain_topics::table::POLICY_CLAIM;

/// Most claims that are looked at.
pub const CLAIMS_MAX: usize = 250;
/// How long a claim is good after the next one was made, unless said, in seconds.
pub const CLAIM_GRACE_S: u64 = 30 * 24 * 3600;

/// A claim certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Its id.
    pub certificate_id: String,
    /// Is it good for anything?
    pub active: bool,
    /// When it was made.
    pub made_at: Timestamp,
}

impl AwsFleet {
    /// The claim certificates, oldest first; those that are not active too.
    ///
    /// # Errors
    /// [`FleetError`], also if there are more than [`CLAIMS_MAX`].
    pub async fn claims(&self) -> Result<Vec<Claim>, FleetError> {
        self.claims_there().await.map_err(failed("listing claim certificates"))
    }

    /// Deactivates every claim whose successor was made at least `grace_s` seconds ago, and says which: it can be repeated, and be
    /// taken back in AWS's console, as revoking cannot. The newest active claim always stays. With a grace of 0 it is what to do
    /// after a claim was stolen and another one made.
    ///
    /// # Errors
    /// [`FleetError`]; some may be deactivated.
    pub async fn retire_claims(&self, now: Timestamp, grace_s: u64) -> Result<Vec<Claim>, FleetError> {
        let mut retired = Vec::new();
        for claim in retiring(self.claims().await?, now, grace_s) {
            let request = self.iot.update_certificate().certificate_id(&claim.certificate_id);
            let done = request.new_status(CertificateStatus::Inactive).send().await;
            done.map_err(failed(format!("deactivating claim {}", claim.certificate_id)))?;
            retired.push(Claim { active: false, ..claim });
        }
        Ok(retired)
    }

    async fn claims_there(&self) -> Result<Vec<Claim>, Cause> {
        let mut pages = self.iot.list_targets_for_policy().policy_name(POLICY_CLAIM).into_paginator().send();
        let mut claims = Vec::new();
        while let Some(page) = pages.next().await {
            for arn in page?.targets() {
                if claims.len() == CLAIMS_MAX {
                    return Err(format!("there are more than {CLAIMS_MAX}").into());
                }
                // `arn:aws:iot:{region}:{account}:cert/{id}`
                let Some((_, id)) = arn.split_once(":cert/") else { continue };
                let described = self.iot.describe_certificate().certificate_id(id).send().await?;
                claims.extend(described.certificate_description().and_then(claim));
            }
        }
        claims.sort_by(|a: &Claim, b| (a.made_at, &a.certificate_id).cmp(&(b.made_at, &b.certificate_id)));
        Ok(claims)
    }
}

fn claim(described: &CertificateDescription) -> Option<Claim> {
    let made_ms = described.creation_date().and_then(|date| u64::try_from(date.to_millis().ok()?).ok());
    Some(Claim {
        certificate_id: described.certificate_id()?.to_owned(),
        active: described.status() == Some(&CertificateStatus::Active),
        made_at: Timestamp::from_ms(made_ms.unwrap_or_default()),
    })
}

/// Of all claims, oldest first, those active ones whose successor is old enough.
fn retiring(claims: Vec<Claim>, now: Timestamp, grace_s: u64) -> Vec<Claim> {
    let active: Vec<Claim> = claims.into_iter().filter(|claim| claim.active).collect();
    let successors: Vec<Timestamp> = active.iter().skip(1).map(|claim| claim.made_at).collect();
    let due = |(claim, next): (Claim, Timestamp)| (next.plus_s(grace_s) <= now).then_some(claim);
    active.into_iter().zip(successors).filter_map(due).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_retires_once_its_successor_is_old_enough() {
        let now = Timestamp::from_ms(1_000_000_000);
        let claim = |name: &str, age_s: u64, active| Claim {
            certificate_id: name.to_owned(),
            active,
            made_at: Timestamp::from_ms(now.as_ms() - age_s * 1000),
        };
        let of = |claims: &[Claim], grace_s| -> Vec<String> {
            retiring(claims.to_vec(), now, grace_s).into_iter().map(|claim| claim.certificate_id).collect()
        };
        let claims = [claim("a", 400, true), claim("b", 300, false), claim("c", 200, true), claim("d", 100, true)];
        assert_eq!(of(&claims, 0), ["a", "c"]);
        assert_eq!(of(&claims, 100), ["a", "c"]);
        assert_eq!(of(&claims, 101), ["a"]);
        assert_eq!(of(&claims, 200), ["a"], "what was deactivated is nobody's successor");
        assert_eq!(of(&claims, 201), [""; 0]);
        assert_eq!(of(&claims[..1], 0), [""; 0]);
        assert_eq!(of(&[], 0), [""; 0]);
    }
}
