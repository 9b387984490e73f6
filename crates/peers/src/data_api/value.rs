//! Values between the Data API's `Field` and PostgreSQL: parameters go as text of a declared type, columns come as binary.

use super::answer::{Refusal, bad_request};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use serde_json::{Value, json};
use std::error::Error;
use tokio_postgres::{
    Row,
    types::{Format, FromSql, IsNull, ToSql, Type, to_sql_checked},
};

type Failure = Box<dyn Error + Sync + Send>;

/// A parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) declared: Type,
    text: Option<String>,
}

/// The values for the names of a statement.
pub(super) fn parameters(names: &[String], given: &[Value]) -> Result<Vec<Parameter>, Refusal> {
    let value = |name: &String| {
        let parameter = given.iter().find(|parameter| parameter["name"] == name.as_str());
        parameter.ok_or_else(|| bad_request(format!("no value for parameter {name}"))).and_then(one)
    };
    names.iter().map(value).collect()
}

fn one(parameter: &Value) -> Result<Parameter, Refusal> {
    let fields = parameter["value"].as_object();
    let (kind, value) =
        fields.and_then(|fields| fields.iter().next()).ok_or_else(|| bad_request("a parameter without a value"))?;
    let hinted = match parameter["typeHint"].as_str() {
        None => Type::TEXT,
        Some("DATE") => Type::DATE,
        Some("DECIMAL") => Type::NUMERIC,
        Some("JSON") => Type::JSONB,
        Some("TIME") => Type::TIME,
        Some("TIMESTAMP") => Type::TIMESTAMP,
        Some("UUID") => Type::UUID,
        Some(other) => return Err(bad_request(format!("no type hint {other}"))),
    };
    let (declared, text) = match (kind.as_str(), value) {
        ("isNull", Value::Bool(true)) => (Type::UNKNOWN, None),
        ("booleanValue", Value::Bool(value)) => (Type::BOOL, Some(value.to_string())),
        ("longValue", Value::Number(value)) if value.is_i64() => (Type::INT8, Some(value.to_string())),
        ("doubleValue", Value::Number(value)) => (Type::FLOAT8, Some(value.to_string())),
        ("stringValue", Value::String(value)) => (hinted, Some(value.clone())),
        ("blobValue", Value::String(value)) => {
            let bytes = STANDARD.decode(value).map_err(|error| bad_request(error.to_string()))?;
            (Type::BYTEA, Some(bytes.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"))))
        }
        ("arrayValue", _) => return Err(bad_request("Array parameters are not supported.")),
        (kind, _) => return Err(bad_request(format!("no value of {kind}"))),
    };
    Ok(Parameter { declared, text })
}

impl ToSql for Parameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        let Some(text) = &self.text else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// A column as it came.
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row as a list of fields.
pub(super) fn record(row: &Row) -> Result<Value, Refusal> {
    let field = |(place, column): (usize, &tokio_postgres::Column)| {
        let raw: Option<Raw> = row.get(place);
        raw.map_or_else(|| Ok(json!({"isNull": true})), |raw| field(column.type_(), &raw.0))
    };
    row.columns().iter().enumerate().map(field).collect::<Result<Vec<_>, _>>().map(Value::from)
}

fn field(kind: &Type, raw: &[u8]) -> Result<Value, Refusal> {
    fn from<'a, T: FromSql<'a>>(kind: &Type, raw: &'a [u8]) -> T {
        T::from_sql(kind, raw).expect("a column of its type")
    }
    Ok(match *kind {
        Type::BOOL => json!({"booleanValue": from::<bool>(kind, raw)}),
        Type::INT2 => json!({"longValue": from::<i16>(kind, raw)}),
        Type::INT4 => json!({"longValue": from::<i32>(kind, raw)}),
        Type::INT8 => json!({"longValue": from::<i64>(kind, raw)}),
        Type::FLOAT4 => json!({"doubleValue": from::<f32>(kind, raw)}),
        Type::FLOAT8 => json!({"doubleValue": from::<f64>(kind, raw)}),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON => {
            json!({"stringValue": String::from_utf8_lossy(raw)})
        }
        Type::JSONB => json!({"stringValue": String::from_utf8_lossy(&raw[1..])}),
        Type::BYTEA => json!({"blobValue": STANDARD.encode(raw)}),
        _ => {
            let message = format!("The result contains the unsupported data type {}", kind.name());
            return Err(Refusal::new(400, "UnsupportedResultException", message));
        }
    })
}
