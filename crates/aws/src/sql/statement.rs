//! A statement: fixed text, named parameters, and their values.

use bytes::BytesMut;
use std::{error::Error, fmt};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A value, as a parameter or in a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// None.
    Null,
    /// `boolean`
    Bool(bool),
    /// `bigint`
    Int(i64),
    /// `double precision`
    Float(f64),
    /// `text`
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Value {
    /// The type that the server is told. That of a null is the server's guess.
    pub(super) const fn declared(&self) -> Type {
        match self {
            Self::Null => Type::UNKNOWN,
            Self::Bool(_) => Type::BOOL,
            Self::Int(_) => Type::INT8,
            Self::Float(_) => Type::FLOAT8,
            Self::Text(_) => Type::TEXT,
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(value) => value.to_sql(&Type::BOOL, out),
            Self::Int(value) => value.to_sql(&Type::INT8, out),
            Self::Float(value) => value.to_sql(&Type::FLOAT8, out),
            Self::Text(value) => value.to_sql(&Type::TEXT, out),
        }
    }

    // The statement was prepared with the types of its values.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One statement with its values.
///
/// Parameters are written `:name`. The SQL casts each to what it is for, `CAST(:name AS bigint)`, so that it does not matter as
/// what an executor sends it; there are no arrays and no types but those of [`Value`], because the Data API has no others: a
/// list goes as JSON. What comes back is cast likewise.
#[derive(Clone)]
pub struct Statement {
    pub(super) sql: &'static str,
    pub(super) values: Vec<(&'static str, Value)>,
}

impl Statement {
    /// A statement without parameters yet.
    pub const fn new(sql: &'static str) -> Self {
        Self { sql, values: Vec::new() }
    }

    /// Gives a parameter its value.
    #[must_use]
    pub fn bind(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    /// The text with `$1`, `$2` … for the parameters, in the order of the values. One without values is left as it is.
    pub(super) fn numbered(&self) -> String {
        let mut out = String::with_capacity(self.sql.len());
        let mut rest = self.sql;
        while let Some(at) = rest.find(':').filter(|_| !self.values.is_empty()) {
            let (before, after) = rest.split_at(at);
            let name = after.get(1..).unwrap_or_default();
            let end = name.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(name.len());
            let place = self.values.iter().position(|(known, _)| Some(*known) == name.get(..end));
            out.push_str(before);
            rest = after.get(1 + end..).unwrap_or_default();
            match place {
                Some(place) => out.push_str(&format!("${}", place + 1)),
                None => out.push_str(after.get(..=end).unwrap_or_default()),
            }
        }
        out + rest
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").field("sql", &self.sql).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_numbers_by_their_values() {
        let cases = [
            ("SELECT CAST(:a AS text), :b_2 + :a", "SELECT CAST($1 AS text), $2 + $1"),
            ("SELECT :ab, :a", "SELECT :ab, $1"),
            ("no parameters", "no parameters"),
            ("ends with :b_2", "ends with $2"),
            ("ends with :", "ends with :"),
        ];
        for (sql, expected) in cases {
            let statement = Statement::new(sql).bind("a", 1).bind("b_2", "x");
            assert_eq!(statement.numbered(), expected);
        }
        assert_eq!(Statement::new("$$ a := :b $$").numbered(), "$$ a := :b $$");
    }

    #[test]
    fn what_is_bound_is_not_shown() {
        let statement = Statement::new("SELECT :a").bind("a", "a secret");
        assert!(!format!("{statement:?}").contains("secret"));
    }
}
