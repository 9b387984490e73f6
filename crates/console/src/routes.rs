//! The table of routes. A route is behind a credential unless it says `open`.

use crate::{
    LONG_REQUEST_TIMEOUT_S, REQUEST_TIMEOUT_S, Shared, actions, audit, backups, consents, devices, error::ApiError,
    guard, memories, metrics, people, policy, queues, readings, reminders, restores, satellites, spaces, speech,
    status,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    http::Method,
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodFilter, MethodRouter, on},
};
use std::time::Duration;

/// One route.
struct Route {
    method: Method,
    path: &'static str,
    handler: MethodRouter<Shared>,
    open: bool,
    timeout_s: u64,
    body_bytes_max: usize,
}

impl Route {
    fn new<T: 'static>(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        let handler = on(filter, handler);
        let body_bytes_max = crate::BODY_BYTES_MAX;
        Self { method, path, handler, open: false, timeout_s: REQUEST_TIMEOUT_S, body_bytes_max }
    }

    fn open(self) -> Self {
        Self { open: true, ..self }
    }

    fn long(self) -> Self {
        Self { timeout_s: LONG_REQUEST_TIMEOUT_S, ..self }
    }

    fn body_bytes_max(self, body_bytes_max: usize) -> Self {
        Self { body_bytes_max, ..self }
    }
}

fn get<T: 'static>(path: &'static str, handler: impl Handler<T, Shared>) -> Route {
    Route::new(Method::GET, MethodFilter::GET, path, handler)
}

fn post<T: 'static>(path: &'static str, handler: impl Handler<T, Shared>) -> Route {
    Route::new(Method::POST, MethodFilter::POST, path, handler)
}

fn put<T: 'static>(path: &'static str, handler: impl Handler<T, Shared>) -> Route {
    Route::new(Method::PUT, MethodFilter::PUT, path, handler)
}

fn delete<T: 'static>(path: &'static str, handler: impl Handler<T, Shared>) -> Route {
    Route::new(Method::DELETE, MethodFilter::DELETE, path, handler)
}

fn table() -> Vec<Route> {
    vec![
        get("/v1/health", status::health).open(),
        get("/v1/status", status::status),
        get("/v1/metrics", metrics::metrics),
        post("/v1/claims", satellites::create_claim),
        post("/v1/enrolments", satellites::create_enrolment),
        get("/v1/satellites", satellites::list),
        post("/v1/satellites", satellites::add),
        get("/v1/satellites/{id}", satellites::show),
        get("/v1/satellites/{id}/readings", readings::series),
        post("/v1/satellites/{id}/rotate", satellites::rotate),
        post("/v1/satellites/{id}/revoke", satellites::revoke),
        get("/v1/spaces", spaces::list),
        post("/v1/spaces", spaces::add),
        put("/v1/spaces/{id}/privacy", spaces::set_privacy),
        get("/v1/people", people::list),
        post("/v1/people", people::add),
        put("/v1/people/{id}/role", people::set_role),
        post("/v1/people/{id}/token", people::issue_token),
        put("/v1/people/{id}/account", people::link_account),
        delete("/v1/people/{id}/account", people::unlink_account),
        get("/v1/people/{id}/consents", consents::list),
        put("/v1/people/{id}/consents/{kind}", consents::grant),
        delete("/v1/people/{id}/consents/{kind}", consents::revoke),
        get("/v1/people/{id}/devices", devices::list),
        put("/v1/people/{id}/devices/{name}", devices::add),
        delete("/v1/people/{id}/devices/{name}", devices::remove),
        post("/v1/speech", speech::speak),
        get("/v1/memories", memories::list),
        get("/v1/memories/{id}", memories::show),
        post("/v1/memories/{id}/changes", memories::change),
        post("/v1/recall", memories::recall),
        get("/v1/actions", actions::list),
        post("/v1/actions", actions::propose),
        get("/v1/actions/{id}", actions::show),
        post("/v1/actions/{id}/approve", actions::approve),
        post("/v1/actions/{id}/reject", actions::reject),
        post("/v1/actions/{id}/cancel", actions::cancel),
        get("/v1/reminders", reminders::list),
        delete("/v1/reminders/{id}", reminders::cancel),
        get("/v1/policy", policy::show),
        put("/v1/policy", policy::set).body_bytes_max(policy::POLICY_BODY_BYTES_MAX),
        get("/v1/audit/entries", audit::tail),
        get("/v1/audit/entries/{seq}/proof", audit::prove),
        post("/v1/audit/verify", audit::verify).long(),
        get("/v1/audit/checkpoint", audit::checkpoint),
        get("/v1/audit/objects", audit::objects),
        get("/v1/audit/objects/{*key}", audit::object),
        get("/v1/queues", queues::list),
        get("/v1/queues/{name}/dead-letters", queues::dead_letters),
        post("/v1/queues/{name}/redrive", queues::redrive),
        post("/v1/backups", backups::create).long(),
        post("/v1/restores", restores::create).long(),
    ]
}

/// Method, path and whether it needs a credential, of every route.
pub fn all() -> Vec<(Method, &'static str, bool)> {
    table().into_iter().map(|route| (route.method, route.path, !route.open)).collect()
}

pub(crate) fn router(shared: Shared) -> Router {
    let mut router = Router::new();
    for route in table() {
        let timeout = Duration::from_secs(route.timeout_s);
        // The layer that is added last sees a request first.
        let mut handler = route.handler.layer(DefaultBodyLimit::max(route.body_bytes_max));
        if !route.open {
            handler = handler.layer(from_fn_with_state(shared.clone(), guard::authenticated));
        }
        handler = handler.layer(from_fn(move |request, next| guard::in_time(timeout, request, next)));
        router = router.route(route.path, handler);
    }
    router
        .fallback(async || ApiError::not_found("no such path"))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(from_fn_with_state(shared.clone(), guard::admitted))
        .with_state(shared)
}
