//! From method and path to the operation.

use super::caller::{Caller, Peer};
use super::error::ApiError;
use super::reply::Reply;
use super::request::Request;
use super::{Https, control, data};
use crate::core::IotCore;

/// What an operation is given.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) core: &'a IotCore,
    pub(super) caller: &'a Caller,
    pub(super) request: &'a Request,
}

pub(super) type Answer = Result<Reply, ApiError>;

pub(super) async fn route(https: &Https, peer: Peer, request: &Request) -> Answer {
    let caller = Caller::identify(https, peer, request).await?;
    let call = Call { core: &https.core, caller: &caller, request };
    if let Some(answer) = data::route(call).await {
        return answer;
    }
    caller.must_be_operator()?;
    control::route(call).await
}
