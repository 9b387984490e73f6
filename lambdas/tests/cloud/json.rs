//! Operations of services that speak AWS JSON, by name, for what a deployment makes: no SDK of its own for each.

use reqwest::Client;
use serde_json::Value;

/// The account and the region that everything is in.
pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-central-1";

/// A service behind an endpoint.
#[derive(Clone)]
pub(crate) struct Service {
    http: Client,
    url: String,
    name: &'static str,
    target: &'static str,
}

impl Service {
    /// `name` is the one in signatures, `target` what an operation's name is behind in `X-Amz-Target`.
    pub(crate) fn new(url: String, name: &'static str, target: &'static str) -> Self {
        Self { http: Client::builder().no_proxy().build().unwrap(), url, name, target }
    }

    /// Calls an operation; an error is its body.
    pub(crate) async fn try_call(&self, operation: &str, body: Value) -> Result<Value, Value> {
        // None of these servers looks at the signature; they find the service by its name in it.
        let scope = format!("AKIAIOSFODNN7EXAMPLE/20260101/{REGION}/{}/aws4_request", self.name);
        let authorization = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let version = if self.target.starts_with("AWSCognito") { "1.1" } else { "1.0" };
        let request = self
            .http
            .post(&self.url)
            .header("content-type", format!("application/x-amz-json-{version}"))
            .header("x-amz-target", format!("{}.{operation}", self.target))
            .header("authorization", authorization)
            .header("x-amz-date", "20260101T000000Z")
            .body(body.to_string());
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        let answer = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text));
        if status.is_success() { Ok(answer) } else { Err(answer) }
    }

    /// Calls an operation that succeeds.
    pub(crate) async fn call(&self, operation: &str, body: Value) -> Value {
        let answer = self.try_call(operation, body).await;
        answer.unwrap_or_else(|error| panic!("{} {operation}: {error}", self.name))
    }
}
