//! Properties of MQTT 5 in headers and query, to and from the bytes that a message keeps. API Reference, data plane, `Publish`
//! and `GetRetainedMessage`; MQTT 5.0 section 2.2.2.2.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::https::error::ApiError;
use crate::https::request::Request;
use crate::message::Properties;
use crate::properties::{
    CONTENT_TYPE, CORRELATION_DATA, MessageProperties, PAYLOAD_FORMAT_INDICATOR, RESPONSE_TOPIC, USER_PROPERTY,
};
use crate::topic::TopicName;

/// The properties of a message that is published by a request.
pub(super) fn of_request(request: &Request) -> Result<Option<Properties>, ApiError> {
    let mut bytes = Vec::new();
    match request.header("x-amz-mqtt5-payload-format-indicator")? {
        None => {}
        Some("UNSPECIFIED_BYTES") => bytes.extend([PAYLOAD_FORMAT_INDICATOR, 0]),
        Some("UTF8_DATA") => bytes.extend([PAYLOAD_FORMAT_INDICATOR, 1]),
        Some(_) => return Err(ApiError::invalid("payloadFormatIndicator is UNSPECIFIED_BYTES or UTF8_DATA")),
    }
    if let Some(content_type) = request.query("contentType") {
        put(&mut bytes, CONTENT_TYPE, &[text(content_type)?])?;
    }
    if let Some(topic) = request.query("responseTopic") {
        TopicName::parse(topic).map_err(|error| ApiError::invalid(format!("responseTopic: {error}")))?;
        put(&mut bytes, RESPONSE_TOPIC, &[topic.as_bytes()])?;
    }
    if let Some(data) = request.header("x-amz-mqtt5-correlation-data")? {
        let data = STANDARD.decode(data).map_err(|_| ApiError::invalid("correlationData is not base64"))?;
        put(&mut bytes, CORRELATION_DATA, &[&data])?;
    }
    if let Some(pairs) = request.header("x-amz-mqtt5-user-properties")? {
        for (name, value) in user_properties(pairs)? {
            put(&mut bytes, USER_PROPERTY, &[text(&name)?, text(&value)?])?;
        }
    }
    Ok(Properties::new(bytes))
}

/// `[{"name": "value"}, …]` in base64; each object has one pair. The list may be in a JSON string: that is what boto3 sends when
/// it is given JSON and not a list, as its documentation reads. Whether AWS takes both could not be verified.
fn user_properties(header: &str) -> Result<Vec<(String, String)>, ApiError> {
    let malformed = || ApiError::invalid("userProperties is not a list of objects with one string each, in base64");
    let json = STANDARD.decode(header).map_err(|_| malformed())?;
    let list = match serde_json::from_slice(&json) {
        Ok(Value::String(json)) => serde_json::from_str(&json),
        Ok(list) => serde_json::from_value(list),
        Err(error) => Err(error),
    };
    let list: Vec<Map<String, Value>> = list.map_err(|_| malformed())?;
    let pair = |object: Map<String, Value>| {
        let mut members = object.into_iter();
        match (members.next(), members.next()) {
            (Some((name, Value::String(value))), None) => Ok((name, value)),
            _ => Err(malformed()),
        }
    };
    list.into_iter().map(pair).collect()
}

/// MQTT 5.0 section 1.5.4: whoever was sent a NUL in a text would end its connection.
fn text(text: &str) -> Result<&[u8], ApiError> {
    if text.contains('\0') { Err(ApiError::invalid("a property has a NUL")) } else { Ok(text.as_bytes()) }
}

fn put(bytes: &mut Vec<u8>, property: u8, values: &[&[u8]]) -> Result<(), ApiError> {
    bytes.push(property);
    for value in values {
        let length =
            u16::try_from(value.len()).map_err(|_| ApiError::invalid("a property is longer than 65535 bytes"))?;
        bytes.extend(length.to_be_bytes());
        bytes.extend_from_slice(value);
    }
    Ok(())
}

/// The user properties among stored ones, as `GetRetainedMessage` gives them: in JSON.
pub(super) fn user_properties_of(stored: &[u8]) -> Option<Value> {
    let pairs = MessageProperties::read(stored).user_properties.into_iter();
    let pairs: Vec<_> = pairs.map(|(name, value)| Value::Object(Map::from_iter([(name, value.into())]))).collect();
    (!pairs.is_empty()).then_some(Value::Array(pairs))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn properties(query: &str, headers: &[(&str, &str)]) -> Result<Option<Vec<u8>>, ApiError> {
        let mut builder = http::Request::builder().uri(format!("/topics/a?{query}"));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let (head, ()) = builder.body(()).unwrap().into_parts();
        let properties = of_request(&Request::new(head, Bytes::new())?)?;
        Ok(properties.map(|properties| properties.as_bytes().to_vec()))
    }

    #[test]
    fn there_and_back() {
        let pairs = STANDARD.encode(r#"[{"a": "1"}, {"a": "ä"}]"#);
        let headers = [
            ("x-amz-mqtt5-payload-format-indicator", "UTF8_DATA"),
            ("x-amz-mqtt5-correlation-data", "AQI="),
            ("x-amz-mqtt5-user-properties", &pairs),
        ];
        let bytes = properties("contentType=t&responseTopic=r%2Fs", &headers).unwrap().unwrap();
        let expected = b"\x01\x01\x03\0\x01t\x08\0\x03r/s\x09\0\x02\x01\x02\x26\0\x01a\0\x011\x26\0\x01a\0\x02\xc3\xa4";
        assert_eq!(bytes, expected);
        assert_eq!(user_properties_of(&bytes), Some(json!([{"a": "1"}, {"a": "ä"}])));
        assert_eq!(properties("", &[]), Ok(None));
        assert_eq!(user_properties_of(b"\x01\x00\x26\0\x09a"), None);
    }

    #[test]
    fn what_mqtt_could_not_say_is_refused() {
        let two = STANDARD.encode(r#"[{"a": "1", "b": "2"}]"#);
        let (nul_in_name, nul_in_value) =
            (STANDARD.encode(r#"[{"\u0000": "1"}]"#), STANDARD.encode(r#"[{"a": "\u0000"}]"#));
        for (name, value) in [
            ("x-amz-mqtt5-payload-format-indicator", "UTF-8"),
            ("x-amz-mqtt5-correlation-data", "*"),
            ("x-amz-mqtt5-user-properties", "e30="),
            ("x-amz-mqtt5-user-properties", &two),
            ("x-amz-mqtt5-user-properties", &nul_in_name),
            ("x-amz-mqtt5-user-properties", &nul_in_value),
        ] {
            assert!(properties("", &[(name, value)]).is_err(), "{name}: {value}");
        }
        assert!(properties("responseTopic=a%2F%23", &[]).is_err());
        assert!(properties("contentType=a%00", &[]).is_err());
        assert!(put(&mut Vec::new(), CORRELATION_DATA, &[&[0; 65536]]).is_err());
    }
}
