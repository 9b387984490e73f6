//! A request: path, query, headers and body, as the operations ask for them.

use bytes::Bytes;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::sigv4::Signed;

#[derive(Debug)]
pub(super) struct Request {
    head: Parts,
    body: Bytes,
    /// The segments of the path, decoded: a `%2F` is within one.
    path: Vec<String>,
    query: Vec<(String, String)>,
}

impl Request {
    pub(super) fn new(head: Parts, body: Bytes) -> Result<Self, ApiError> {
        let path = head.uri.path();
        let path = path.strip_prefix('/').unwrap_or(path).split('/').map(decoded).collect::<Result<_, _>>()?;
        let pairs = head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| -> Result<_, ApiError> {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        };
        let query = pairs.map(pair).collect::<Result<_, _>>()?;
        Ok(Self { head, body, path, query })
    }

    pub(super) fn signed(&self) -> Signed<'_> {
        Signed {
            method: self.method(),
            path: self.head.uri.path(),
            query: self.head.uri.query().unwrap_or_default(),
            headers: &self.head.headers,
            body: &self.body,
        }
    }

    pub(super) fn is_signed(&self) -> bool {
        self.head.headers.contains_key(http::header::AUTHORIZATION)
    }

    pub(super) fn method(&self) -> &str {
        self.head.method.as_str()
    }

    pub(super) fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON; none stands for an empty object.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| ApiError::invalid(format!("the body is not as expected: {error}")))
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A boolean of the query; absent is false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.query(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ApiError::invalid(format!("{name} is `true` or `false`"))),
        }
    }

    /// A whole number of the query.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let parse = |value: &str| value.parse().map_err(|_| ApiError::invalid(format!("{name} is a whole number")));
        self.query(name).map(parse).transpose()
    }

    #[cfg_attr(not(test), expect(dead_code, reason = "operations that come with jobs use it"))]
    /// Refuses what the query must not have, because nothing here would heed it.
    pub(super) fn without(&self, names: &[&str]) -> Result<(), ApiError> {
        match names.iter().find(|name| self.query(name).is_some()) {
            Some(name) => Err(ApiError::unsupported(name)),
            None => Ok(()),
        }
    }

    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let value = self.head.headers.get(name);
        value.map(|value| value.to_str().map_err(|_| ApiError::invalid(format!("{name} is not ASCII")))).transpose()
    }
}

fn decoded(text: &str) -> Result<String, ApiError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| ApiError::invalid("the request's target is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str) -> Result<Request, ApiError> {
        let (head, ()) = http::Request::builder().uri(target).body(()).unwrap().into_parts();
        Request::new(head, Bytes::new())
    }

    #[test]
    fn what_is_escaped_is_within_a_segment() {
        let request = request("/topics/a%2Fb%20c/d//?x=1%262&y&z=%C3%A4&x=3").unwrap();
        assert_eq!(request.path(), ["topics", "a/b c", "d", "", ""]);
        assert_eq!((request.query("x"), request.query("y")), (Some("1&2"), Some("")));
        assert_eq!((request.query("z"), request.query("w")), (Some("ä"), None));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert!(request("/things/%FF").is_err());
        let request = request("/things?a=maybe&n=-1").unwrap();
        assert!(request.flag("a").is_err() && request.number("n").is_err() && request.without(&["b", "n"]).is_err());
        assert_eq!((request.flag("b"), request.number("m"), request.without(&["b"])), (Ok(false), Ok(None), Ok(())));
    }
}
