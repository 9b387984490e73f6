//! Satellites: how they come to be, and whether they are there.

use crate::{
    Timestamp,
    capability::Capability,
    id::{PersonId, SatelliteId, SpaceId},
};
use serde::{Deserialize, Serialize};

/// How long an enrolment code lives unless it is asked for otherwise, in seconds.
pub const ENROLMENT_TTL_S: u64 = 3600;

/// A satellite that the hub knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Satellite {
    /// Name: thing name, client id, topic segment, and the serial number it was enrolled with.
    pub id: SatelliteId,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceId>,
    /// Whose words it carries when it carries words: set for a personal satellite, none for a room's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// Hex SHA-256 of its certificate's DER: AWS IoT's certificate id.
    pub certificate_id: String,
    /// Trusted or not.
    pub status: SatelliteStatus,
    /// Since when.
    pub created_at: Timestamp,
}

/// Is the satellite trusted?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SatelliteStatus {
    /// Its certificate may connect.
    Active,
    /// Its certificate is revoked for good.
    Revoked,
}

/// What is known of a satellite's connection and of its own report.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Presence {
    /// Connected now?
    pub online: bool,
    /// Since when it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// AWS IoT's per-client lifecycle counter: an event with a lower one is old news ("Lifecycle events").
    #[serde(default)]
    pub version: u64,
    /// Version of the agent's software, as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// What it can do, as it says.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Telemetry readings that its full spool has dropped since it was set up.
    #[serde(default)]
    pub dropped_telemetry: u64,
    /// Its inputs pause because its spool is full.
    #[serde(default)]
    pub paused: bool,
}

/// Permission for one device to enrol: bound to a serial number, spent by one certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EnrolmentCode {
    /// Who may enrol.
    pub serial: SatelliteId,
    /// Hex SHA-256 of the code.
    pub code_hash: String,
    /// Until when.
    pub expires_at: Timestamp,
    /// Where the satellite will stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceId>,
    /// Whose words it will carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The certificate that spent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_by: Option<String>,
}

/// Why an enrolment is refused. The device is told no more than "refused".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentRefusal {
    /// Nobody asked for this serial number to enrol.
    #[error("no enrolment code was issued for this serial number")]
    NoCode,
    /// The code is another.
    #[error("the enrolment code is wrong")]
    WrongCode,
    /// Too late.
    #[error("the enrolment code has expired")]
    Expired,
    /// Another certificate has used it.
    #[error("the enrolment code is spent")]
    Spent,
}

/// May the certificate `certificate_id` enrol with a code whose hash is `code_hash`? The answer is the code, spent.
/// The same certificate may ask again: its first answer may have been lost.
pub fn redeem(
    code: Option<&EnrolmentCode>,
    code_hash: &str,
    certificate_id: &str,
    now: Timestamp,
) -> Result<EnrolmentCode, EnrolmentRefusal> {
    let code = code.ok_or(EnrolmentRefusal::NoCode)?;
    if code.code_hash != code_hash {
        return Err(EnrolmentRefusal::WrongCode);
    }
    if now >= code.expires_at {
        return Err(EnrolmentRefusal::Expired);
    }
    match &code.spent_by {
        Some(other) if other != certificate_id => Err(EnrolmentRefusal::Spent),
        _ => Ok(EnrolmentCode { spent_by: Some(certificate_id.to_owned()), ..code.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_for_one_serial_one_certificate_and_a_while() {
        let code = EnrolmentCode {
            serial: "kitchen".parse().unwrap(),
            code_hash: "h".into(),
            expires_at: Timestamp::from_ms(100),
            space: None,
            person: None,
            spent_by: None,
        };
        let now = Timestamp::from_ms(99);
        assert_eq!(redeem(None, "h", "c1", now), Err(EnrolmentRefusal::NoCode));
        assert_eq!(redeem(Some(&code), "x", "c1", now), Err(EnrolmentRefusal::WrongCode));
        assert_eq!(redeem(Some(&code), "h", "c1", Timestamp::from_ms(100)), Err(EnrolmentRefusal::Expired));
        let spent = redeem(Some(&code), "h", "c1", now).unwrap();
        assert_eq!(redeem(Some(&spent), "h", "c1", now).as_ref(), Ok(&spent));
        assert_eq!(redeem(Some(&spent), "h", "c2", now), Err(EnrolmentRefusal::Spent));
    }
}
