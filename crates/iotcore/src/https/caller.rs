//! Who calls, and what they may.

use std::net::IpAddr;
use std::sync::Arc;

use super::Https;
use super::error::ApiError;
use super::request::Request;
use super::sigv4::{Service, SignatureError, verify};
use crate::broker::{Broker, Grants};
use crate::ids::CertificateId;
use crate::policy::{Action, Resource};

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// The certificate that it has shown.
    pub(super) certificate: Option<CertificateId>,
    pub(super) ip: IpAddr,
}

#[derive(Debug)]
pub(super) enum Caller {
    /// Has signed the request with an access key, for this service, and may do everything.
    Operator(Service),
    /// Has shown an active certificate, and may do what its policies allow.
    Device(CertificateId, Grants),
}

impl Caller {
    /// A signature counts more than a certificate. Developer Guide, "HTTPS": there is no client id, and so none of the variables
    /// that rest on it has a value.
    pub(super) async fn identify(
        https: &Https,
        Peer { certificate, ip }: Peer,
        request: &Request,
    ) -> Result<Self, ApiError> {
        let broker = &https.core.broker;
        if request.is_signed() {
            let now_s = broker.clock.now_ms() / 1000;
            return Ok(Self::Operator(verify(&request.signed(), &https.keys, &broker.config.region, now_s)?));
        }
        let id = certificate.ok_or(SignatureError::Missing)?;
        let grants = Grants::load(broker, id, &Arc::from("")).await?.seen_from(ip);
        if grants.are_active() { Ok(Self::Device(id, grants)) } else { Err(ApiError::forbidden()) }
    }

    pub(super) fn must_be_allowed(
        &self,
        broker: &Broker,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<(), ApiError> {
        match self {
            Self::Operator(_) => Ok(()),
            Self::Device(_, grants) if grants.allow(broker, "", action, resource) => Ok(()),
            Self::Device(id, _) => {
                tracing::info!(%id, action = action.name(), ?resource, "no policy allows it over HTTPS");
                Err(ApiError::forbidden())
            }
        }
    }

    pub(super) fn must_be_operator(&self) -> Result<(), ApiError> {
        match self {
            Self::Operator(_) => Ok(()),
            Self::Device(..) => Err(ApiError::forbidden()),
        }
    }

    /// Whether a path that the control plane and the data plane of jobs both have is meant in the data plane: by devices, and by
    /// who has signed for it.
    pub(super) fn means_jobs_data(&self) -> bool {
        matches!(self, Self::Operator(Service::JobsData) | Self::Device(..))
    }

    /// The certificate of a device.
    pub(super) fn certificate(&self) -> Option<CertificateId> {
        match self {
            Self::Operator(_) => None,
            Self::Device(id, _) => Some(*id),
        }
    }
}
