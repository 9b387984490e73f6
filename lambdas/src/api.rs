//! The JSON API behind an HTTP API of API Gateway, payload format 2.0.
//!
//! API Gateway's JWT authorizer has verified who signed in; `requestContext.authorizer.jwt.claims.sub` is their account
//! (Amazon API Gateway, "Controlling access to HTTP APIs with JWT authorizers"). Nothing that the client sends can be there.

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
};
use lambda_http::request::RequestContext;
use marvain_console::{Account, Api, router};
use marvain_domain::id::AccountId;

/// The claim that names the account: never given to somebody else.
const SUBJECT: &str = "sub";

/// The API, which takes the caller from the request's verified context.
pub fn service(api: Api) -> Router {
    router(api).layer(middleware::from_fn(signed_in))
}

async fn signed_in(mut request: Request, next: Next) -> Response {
    if let Some(account) = request.extensions().get::<RequestContext>().and_then(account) {
        request.extensions_mut().insert(Account(account));
    }
    next.run(request).await
}

fn account(context: &RequestContext) -> Option<AccountId> {
    let RequestContext::ApiGatewayV2(context) = context else { return None };
    context.authorizer.as_ref()?.jwt.as_ref()?.claims.get(SUBJECT)?.parse().ok()
}
