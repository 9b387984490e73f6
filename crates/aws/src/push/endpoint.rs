//! Endpoints of platform applications: "Creating a platform endpoint".

use aws_sdk_sns::{Client, operation::create_platform_endpoint::CreatePlatformEndpointError};
use marvain_domain::identity::{Platform, PushAddress};
use marvain_hub::port::{Cause, PushError, PushToken};

/// What SNS calls a platform, in ARNs and in the members of a message.
pub(super) const fn sns_name(platform: Platform) -> &'static str {
    match platform {
        Platform::Apns => "APNS",
        Platform::ApnsSandbox => "APNS_SANDBOX",
        // Google's service had that name when SNS learned of it.
        Platform::Fcm => "GCM",
    }
}

/// The platform of an endpoint's ARN: `arn:aws:sns:{region}:{account}:endpoint/{platform}/{application}/{id}`.
pub(super) fn platform_of(address: &PushAddress) -> Option<Platform> {
    let (_, endpoint) = address.as_str().split_once(":endpoint/")?;
    let (name, _) = endpoint.split_once('/')?;
    Platform::ALL.into_iter().find(|platform| sns_name(*platform) == name)
}

/// The endpoint of a token, enabled.
pub(super) async fn register(
    sns: &Client,
    platform: Platform,
    application: &str,
    token: &PushToken,
) -> Result<PushAddress, PushError> {
    let unavailable = |source| PushError::Unavailable { what: "registering a device", source };
    let request = sns.create_platform_endpoint().platform_application_arn(application).token(token.reveal());
    let arn = match request.send().await {
        Ok(made) => made.endpoint_arn.ok_or_else(|| unavailable("the endpoint has no ARN".into()))?,
        Err(error) => match error.as_service_error() {
            Some(CreatePlatformEndpointError::InvalidParameterException(refused)) => {
                match existing(refused.message().unwrap_or_default(), application) {
                    Some(arn) => arn.to_owned(),
                    None => return Err(PushError::Token { platform, source: error.into() }),
                }
            }
            _ => return Err(unavailable(error.into())),
        },
    };
    enable(sns, &arn, token).await.map_err(unavailable)?;
    Ok(PushAddress::new(arn))
}

/// The ARN in what SNS says when there is an endpoint of this token with other attributes: "Invalid parameter: Token Reason: Endpoint
/// {arn} already exists with the same Token, but different attributes." There is no other way to learn it. One of another
/// application is not taken.
fn existing<'a>(message: &'a str, application: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once("Endpoint ")?;
    let (arn, rest) = rest.split_once(' ')?;
    let (of, named) = application.split_once(":app/")?;
    let ours = arn.strip_prefix(of)?.strip_prefix(":endpoint/")?.strip_prefix(named)?.starts_with('/');
    (ours && rest.starts_with("already exists")).then_some(arn)
}

/// Gives the endpoint its token and enables it, unless it is so.
async fn enable(sns: &Client, arn: &str, token: &PushToken) -> Result<(), Cause> {
    let got = sns.get_endpoint_attributes().endpoint_arn(arn).send().await?;
    let is = |name: &str, value: &str| got.attributes().and_then(|all| all.get(name)).is_some_and(|is| is == value);
    if is("Enabled", "true") && is("Token", token.reveal()) {
        return Ok(());
    }
    let request = sns.set_endpoint_attributes().endpoint_arn(arn);
    request.attributes("Enabled", "true").attributes("Token", token.reveal()).send().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPLICATION: &str = "arn:aws:sns:eu-central-1:123456789012:app/GCM/marvain";
    const ENDPOINT: &str = "arn:aws:sns:eu-central-1:123456789012:endpoint/GCM/marvain/1f0a";

    #[test]
    fn the_endpoint_that_is_there_is_found_in_the_refusal() {
        let refusal = |arn: &str| {
            format!(
                "Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
            )
        };
        let cases = [
            (refusal(ENDPOINT), Some(ENDPOINT)),
            (refusal("arn:aws:sns:eu-central-1:123456789012:endpoint/GCM/marvain2/1f0a"), None),
            (refusal("arn:aws:sns:eu-central-1:999999999999:endpoint/GCM/marvain/1f0a"), None),
            ("Invalid parameter: Token Reason: must be at most 400 hexadecimal characters".to_owned(), None),
            (String::new(), None),
        ];
        for (message, arn) in &cases {
            assert_eq!(existing(message, APPLICATION), *arn, "{message}");
        }
    }

    #[test]
    fn an_address_tells_its_platform() {
        for platform in Platform::ALL {
            let arn = format!("arn:aws:sns:eu-central-1:123456789012:endpoint/{}/marvain/1f0a", sns_name(platform));
            assert_eq!(platform_of(&PushAddress::new(arn)), Some(platform));
        }
        for other in ["", "here", "arn:aws:sns:eu-central-1:123456789012:endpoint/ADM/marvain/1f0a", APPLICATION] {
            assert_eq!(platform_of(&PushAddress::new(other)), None, "{other}");
        }
    }
}
