//! `enrol`: a factory-fresh device becomes a thing, with a key that it makes itself and never shows.
//!
//! "Provisioning by claim" and "Device provisioning MQTT API" of the AWS IoT Core developer guide: CreateCertificateFromCsr,
//! then RegisterThing. Everything is written down before the broker is asked for what cannot be asked for twice, so that the
//! same command can be given again after a crash.

mod claim;
mod identity;

use crate::{
    config::{self, ConfigError},
    io::{FileError, TlsError, link::SessionError},
    ports::Ports,
};
use claim::Claim;
use identity::{Identity, Pending};
use marvain_domain::id::SatelliteId;
use marvain_topics::{
    Topic,
    table::{PARAMETER_CODE, PARAMETER_SERIAL},
    topic::Answer,
    wire::provisioning::{CreateFromCsr, Created, Provision, Provisioned, Refused},
};
use std::{collections::BTreeMap, path::PathBuf};

/// How long an ownership token can be used, in seconds ("Device provisioning MQTT API", CreateCertificateFromCsr).
const TOKEN_TTL_S: u64 = 3600;

/// Whom to enrol, and where the files are.
#[derive(Clone, Debug)]
pub struct EnrolOptions {
    /// Directory of the claim: `certificate.pem`, `private.key`, `root-ca.pem`, `connection.json`.
    pub claim: PathBuf,
    /// Name to enrol under.
    pub serial: SatelliteId,
    /// One-time code.
    pub code: String,
    /// Directory to write the identity to; made if it is not there.
    pub identity: PathBuf,
}

/// A device that is a thing now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enrolled {
    /// Its name.
    pub thing: SatelliteId,
    /// Where its certificate and key are.
    pub identity: PathBuf,
}

/// Why a device is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// It is already.
    #[error("`{}` has an identity already; remove it, or choose another directory, to enrol anew", .0.display())]
    AlreadyEnrolled(PathBuf),
    /// The claim is no good.
    #[error("the claim cannot be used")]
    Claim(#[from] ConfigError),
    /// The claim has no template.
    #[error("the claim's `connection.json` must have `template` `{expected}`, not `{found}`")]
    Template {
        /// The one that this agent knows.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// Certificate, key or root of the claim are no good.
    #[error("the claim cannot be used")]
    Tls(#[from] TlsError),
    /// A file refuses.
    #[error("the identity cannot be written")]
    File(#[from] FileError),
    /// The key or the request for a certificate cannot be made.
    #[error("the key cannot be made or used")]
    Key(#[from] rcgen::Error),
    /// The connection failed.
    #[error("the hub cannot be reached with this claim")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The broker said no.
    #[error("the hub refused {what}: {code} ({status}): {message}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// AWS's code.
        code: String,
        /// HTTP-like status.
        status: u16,
        /// AWS's words.
        message: String,
    },
    /// The broker said something else.
    #[error("the hub's answer makes no sense")]
    Answer(#[from] serde_json::Error),
    /// The broker named something that is no name.
    #[error("the hub's answer makes no sense")]
    Name(#[from] marvain_domain::id::IdError),
}

impl From<SessionError> for EnrolError {
    fn from(error: SessionError) -> Self {
        Self::Connection(Box::new(error))
    }
}

impl EnrolError {
    fn refused(what: &'static str, refused: Refused) -> Self {
        Self::Refused { what, code: refused.error_code, status: refused.status_code, message: refused.error_message }
    }

    /// Did the hub say no, as opposed to something having failed?
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// Makes a key, asks for a certificate with the claim, becomes `options.serial` and writes the identity. Needs a tokio runtime
/// with time and network. After a failure the same call can be made again: key and certificate are kept meanwhile.
pub async fn enrol(options: EnrolOptions, ports: &Ports) -> Result<Enrolled, EnrolError> {
    let identity = Identity::begin(&options.identity)?;
    let connection = config::read_connection(&options.claim)?;
    let template = connection.template.clone().unwrap_or_default();
    if template != marvain_topics::table::TEMPLATE {
        return Err(EnrolError::Template { expected: marvain_topics::table::TEMPLATE, found: template });
    }
    let key = identity.key()?;
    let mut claim = Claim::connect(&options.claim, &connection, &options.serial).await?;

    let kept = identity.pending(&options.serial)?.filter(|kept| ports.clock.now() < kept.asked_at.plus_s(TOKEN_TTL_S));
    let done = if let Some(pending) = kept {
        match provision(&mut claim, &options, &pending).await {
            Ok(thing) => Some((thing, pending)),
            // Its token is spent: perhaps by us, and the answer was lost.
            Err(error) if error.is_refusal() && identity.works(&options.claim, &connection, &pending).await? => {
                Some((options.serial.clone(), pending))
            }
            Err(error) if error.is_refusal() => None,
            Err(error) => return Err(error),
        }
    } else {
        None
    };
    let (thing, pending) = match done {
        Some(done) => done,
        None => {
            let pending = create(&mut claim, &identity, &key, &options, ports).await?;
            (provision(&mut claim, &options, &pending).await?, pending)
        }
    };
    claim.leave().await;
    identity.finish(&options.claim, &connection, &thing, &pending)?;
    Ok(Enrolled { thing, identity: options.identity })
}

async fn create(
    claim: &mut Claim,
    identity: &Identity,
    key: &rcgen::KeyPair,
    options: &EnrolOptions,
    ports: &Ports,
) -> Result<Pending, EnrolError> {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, options.serial.as_str());
    let request = CreateFromCsr { certificate_signing_request: params.serialize_request(key)?.pem()? };
    let answer = claim.ask(Topic::CreateFromCsr, &serde_json::to_string(&request)?).await?;
    let created: Created = match answer {
        (Answer::Accepted, bytes) => serde_json::from_slice(&bytes)?,
        (_, bytes) => return Err(EnrolError::refused("a certificate", serde_json::from_slice(&bytes)?)),
    };
    let pending = Pending {
        serial: options.serial.clone(),
        asked_at: ports.clock.now(),
        certificate_pem: created.certificate_pem,
        certificate_ownership_token: created.certificate_ownership_token,
    };
    identity.keep(&pending)?;
    Ok(pending)
}

async fn provision(claim: &mut Claim, options: &EnrolOptions, pending: &Pending) -> Result<SatelliteId, EnrolError> {
    let request = Provision {
        certificate_ownership_token: pending.certificate_ownership_token.clone(),
        parameters: BTreeMap::from([
            (PARAMETER_SERIAL.to_owned(), options.serial.to_string()),
            (PARAMETER_CODE.to_owned(), options.code.clone()),
        ]),
    };
    match claim.ask(Topic::Provision, &serde_json::to_string(&request)?).await? {
        (Answer::Accepted, bytes) => {
            let provisioned: Provisioned = serde_json::from_slice(&bytes)?;
            Ok(provisioned.thing_name.parse()?)
        }
        (_, bytes) => Err(EnrolError::refused("to provision", serde_json::from_slice(&bytes)?)),
    }
}
