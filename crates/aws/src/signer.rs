//! The port `Signer` on AWS KMS: an Ed25519 key that never leaves it.
//!
//! KMS: key spec `ECC_NIST_EDWARDS25519`, key usage `SIGN_VERIFY`, algorithm `ED25519_SHA_512` over the RAW message of at most
//! 4096 bytes (Developer Guide, "Key spec reference"; API reference of `Sign`). That is the Ed25519 of RFC 8032 which C2SP signed
//! notes have; `ED25519_PH_SHA_512` is another. Asymmetric keys are not rotated by KMS, so that a log keeps its key.
//!
//! It does not know what it signs.

use async_trait::async_trait;
use aws_sdk_kms::{
    Client,
    error::SdkError,
    operation::{get_public_key::GetPublicKeyError, sign::SignError},
    primitives::Blob,
    types::{KeySpec, MessageType, SigningAlgorithmSpec},
};
use marvain_hub::port::{SIGNED_BYTES_MAX, Signer, SignerError};
use tokio::sync::OnceCell;

/// DER of an Ed25519 public key (`SubjectPublicKeyInfo`) up to its 32 bytes: RFC 8410 §4.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why the key cannot sign a log, beside what KMS itself says.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("the key `{id}` in KMS has the key spec {spec}, not ECC_NIST_EDWARDS25519")]
    Spec { id: String, spec: String },
    #[error("the key `{0}` in KMS does not sign with ED25519_SHA_512")]
    Algorithm(String),
    #[error("the public key that KMS gives is no Ed25519 key in DER")]
    Der,
    #[error("the signature that KMS gives has {0} bytes, not 64")]
    Signature(usize),
}

/// A key in KMS.
pub struct KmsSigner {
    client: Client,
    key_id: String,
    public_key: OnceCell<[u8; 32]>,
}

impl KmsSigner {
    /// The key of this id or ARN. `client` needs `kms:GetPublicKey` and `kms:Sign` for it; a reader of the log the first alone,
    /// and not even that if it has the verifier key from elsewhere.
    pub fn new(client: Client, key_id: impl Into<String>) -> Self {
        Self { client, key_id: key_id.into(), public_key: OnceCell::new() }
    }

    async fn ask(&self) -> Result<[u8; 32], SignerError> {
        let key = self.client.get_public_key().key_id(&self.key_id).send().await.map_err(|error| {
            let is_unfit = matches!(
                error.as_service_error(),
                Some(
                    GetPublicKeyError::NotFoundException(_)
                        | GetPublicKeyError::DisabledException(_)
                        | GetPublicKeyError::InvalidArnException(_)
                        | GetPublicKeyError::InvalidKeyUsageException(_)
                        | GetPublicKeyError::UnsupportedOperationException(_)
                )
            );
            classify(error, is_unfit)
        })?;
        if key.key_spec() != Some(&KeySpec::EccNistEdwards25519) {
            let spec = key.key_spec().map_or("none", KeySpec::as_str).to_owned();
            return Err(unfit(Unfit::Spec { id: self.key_id.clone(), spec }));
        }
        if !key.signing_algorithms().contains(&SigningAlgorithmSpec::Ed25519Sha512) {
            return Err(unfit(Unfit::Algorithm(self.key_id.clone())));
        }
        let der = key.public_key().map(Blob::as_ref).unwrap_or_default();
        from_der(der).ok_or_else(|| unfit(Unfit::Der))
    }
}

#[async_trait]
impl Signer for KmsSigner {
    async fn public_key(&self) -> Result<[u8; 32], SignerError> {
        self.public_key.get_or_try_init(|| self.ask()).await.copied()
    }

    async fn sign(&self, text: &[u8]) -> Result<[u8; 64], SignerError> {
        if text.len() > SIGNED_BYTES_MAX {
            return Err(SignerError::Long(text.len()));
        }
        let sign = self.client.sign().key_id(&self.key_id).message(Blob::new(text)).message_type(MessageType::Raw);
        let signed = sign.signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512).send().await.map_err(|error| {
            let is_unfit = matches!(
                error.as_service_error(),
                Some(
                    SignError::NotFoundException(_)
                        | SignError::DisabledException(_)
                        | SignError::InvalidKeyUsageException(_)
                )
            );
            classify(error, is_unfit)
        })?;
        let signature = signed.signature().map(Blob::as_ref).unwrap_or_default();
        signature.try_into().map_err(|_| unfit(Unfit::Signature(signature.len())))
    }
}

fn from_der(der: &[u8]) -> Option<[u8; 32]> {
    der.strip_prefix(&SPKI_PREFIX)?.try_into().ok()
}

fn classify<E>(error: SdkError<E>, is_unfit: bool) -> SignerError
where
    E: std::error::Error + Send + Sync + 'static,
{
    let cause = Box::new(error);
    if is_unfit { SignerError::Unfit(cause) } else { SignerError::Unavailable(cause) }
}

fn unfit(error: Unfit) -> SignerError {
    SignerError::Unfit(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_the_end_of_its_der() {
        let der = [&SPKI_PREFIX[..], &[7; 32]].concat();
        assert_eq!(from_der(&der), Some([7; 32]));
        // Longer, shorter, X25519 (1.3.101.110) instead of Ed25519 (1.3.101.112), and no DER.
        let mut other = der.clone();
        other[8] = 0x6e;
        for wrong in [[&der[..], &[0]].concat(), der[..43].to_vec(), other, vec![7; 32], Vec::new()] {
            assert_eq!(from_der(&wrong), None, "{wrong:?}");
        }
    }
}
