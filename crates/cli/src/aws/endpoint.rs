//! What CloudFormation cannot say of AWS IoT: the account's data endpoint, which the stacks are told, and the fleet's index, which
//! is a setting of account and region.

use super::clients::{Aws, failed};
use crate::error::CliError;
use aws_sdk_iot::types::{
    IndexingFilter, NamedShadowIndexingMode, ThingConnectivityIndexingMode, ThingIndexingConfiguration,
    ThingIndexingMode,
};
use serde::Deserialize;

/// The endpoint whose certificate is one of Amazon Trust Services ("AWS IoT Core endpoints").
pub(super) const TYPE: &str = "iot:Data-ATS";
/// The parameter that a stack takes it by.
pub(super) const PARAMETER: &str = "IotEndpoint";
/// The stack that has that parameter.
pub(super) const PART: &str = "compute";
/// The output that says what the index should hold.
pub(super) const INDEX: &str = "FleetIndexing";

/// The host of the account's data endpoint.
pub(super) async fn host(aws: &Aws) -> Result<String, CliError> {
    let asked = aws.iot().describe_endpoint().endpoint_type(TYPE).send().await;
    let answer = asked.map_err(|e| failed("AWS IoT does not say what its endpoint is", e))?;
    answer.endpoint_address().map(str::to_owned).ok_or_else(|| CliError::failure("AWS IoT has no data endpoint"))
}

/// The value of the output, as the API has it ("UpdateIndexingConfiguration").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Index {
    thing_indexing_mode: String,
    thing_connectivity_indexing_mode: String,
    named_shadow_indexing_mode: String,
    filter: Filter,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    named_shadow_names: Vec<String>,
}

/// Has the fleet's index hold what the output says. Repeating it changes nothing.
pub(super) async fn index(aws: &Aws, output: &str) -> Result<(), CliError> {
    let unfit = |e: &dyn std::fmt::Display| CliError::failure(format!("the output `{INDEX}` does not fit: {e}"));
    let Index { thing_indexing_mode, thing_connectivity_indexing_mode, named_shadow_indexing_mode, filter } =
        serde_json::from_str(output).map_err(|e| unfit(&e))?;
    let filter = IndexingFilter::builder().set_named_shadow_names(Some(filter.named_shadow_names)).build();
    let things = ThingIndexingConfiguration::builder()
        .thing_indexing_mode(ThingIndexingMode::from(thing_indexing_mode.as_str()))
        .thing_connectivity_indexing_mode(ThingConnectivityIndexingMode::from(
            thing_connectivity_indexing_mode.as_str(),
        ))
        .named_shadow_indexing_mode(NamedShadowIndexingMode::from(named_shadow_indexing_mode.as_str()))
        .filter(filter)
        .build()
        .map_err(|e| unfit(&e))?;
    let asked = aws.iot().update_indexing_configuration().thing_indexing_configuration(things).send().await;
    asked.map(drop).map_err(|e| failed("the fleet's index cannot be set", e))
}
