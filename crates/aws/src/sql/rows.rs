//! What a statement answers.

use super::{SqlError, Value};

/// Rows in the order of the answer; none for a statement that answers nothing.
pub type Rows = Vec<Row>;

/// One row; columns are known by their place, from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct Row(Vec<Value>);

impl Row {
    /// A row of these columns.
    pub const fn new(columns: Vec<Value>) -> Self {
        Self(columns)
    }

    fn wrong(&self, place: usize, wanted: &str) -> SqlError {
        SqlError::Unexpected(format!("column {place} of {} is not {wanted}", self.0.len()))
    }

    /// A `text` column.
    ///
    /// # Errors
    /// [`SqlError::Unexpected`] if it is something else, or there is none.
    pub fn text(&self, place: usize) -> Result<&str, SqlError> {
        match self.0.get(place) {
            Some(Value::Text(value)) => Ok(value),
            _ => Err(self.wrong(place, "text")),
        }
    }

    /// A `bigint` column.
    ///
    /// # Errors
    /// [`SqlError::Unexpected`] if it is something else, or there is none.
    pub fn int(&self, place: usize) -> Result<i64, SqlError> {
        match self.0.get(place) {
            Some(Value::Int(value)) => Ok(*value),
            _ => Err(self.wrong(place, "bigint")),
        }
    }

    /// A `double precision` column.
    ///
    /// # Errors
    /// [`SqlError::Unexpected`] if it is something else, or there is none.
    pub fn float(&self, place: usize) -> Result<f64, SqlError> {
        self.optional_float(place)?.ok_or_else(|| self.wrong(place, "double precision"))
    }

    /// A `double precision` column that may be null.
    ///
    /// # Errors
    /// [`SqlError::Unexpected`] if it is something else, or there is none.
    pub fn optional_float(&self, place: usize) -> Result<Option<f64>, SqlError> {
        match self.0.get(place) {
            Some(Value::Float(value)) => Ok(Some(*value)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(place, "double precision")),
        }
    }
}
