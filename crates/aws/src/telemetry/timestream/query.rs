//! Reading: Timestream's `Query` takes a text and no parameters, so a text is put together here, of fixed parts, numbers, and
//! [`Plain`] names, and of nothing else.

use super::name::Plain;
use aws_sdk_timestreamquery::{
    Client,
    error::DisplayErrorContext,
    types::{Datum, Row},
};
use marvain_domain::Timestamp;
use marvain_hub::port::{Cause, POINTS_MAX, Point, SeriesQuery};

/// Pages of an answer that are read. A query that takes long answers with empty ones.
const PAGES_MAX: usize = 200;

/// The table that is read and written.
pub(super) struct Source {
    pub(super) database: Plain,
    pub(super) table: Plain,
}

impl Source {
    pub(super) fn new(database: &str, table: &str) -> Result<Self, Cause> {
        Ok(Self { database: Plain::identifier(database)?, table: Plain::identifier(table)? })
    }
}

/// The query for a series: columns time in milliseconds, count, smallest, largest, mean, unit.
fn text(source: &Source, query: &SeriesQuery) -> String {
    let Source { database, table } = source;
    let (satellite, name) = (Plain::encoded(query.satellite.as_str()), Plain::encoded(&query.name));
    let (from, to) = query.window_ms();
    let limit = query.limit.clamp(1, POINTS_MAX);
    let rows = format!(
        "FROM \"{database}\".\"{table}\" WHERE satellite = '{satellite}' AND measure_name = '{name}' \
         AND time >= from_milliseconds({from}) AND time < from_milliseconds({to})"
    );
    match query.step_ms() {
        None => format!(
            "SELECT to_milliseconds(time) AS at, 1 AS n, value AS lo, value AS hi, value AS mean, unit {rows} \
             ORDER BY 1 LIMIT {limit}"
        ),
        Some(step) => format!(
            "SELECT to_milliseconds(time) / {step} * {step} AS at, count(*) AS n, min(value) AS lo, max(value) AS hi, \
             sum(value) / count(*) AS mean, max(unit) AS unit {rows} GROUP BY 1 ORDER BY 1 LIMIT {limit}"
        ),
    }
}

pub(super) async fn series(client: &Client, source: &Source, query: &SeriesQuery) -> Result<Vec<Point>, Cause> {
    let (from, to) = query.window_ms();
    if from >= to {
        return Ok(Vec::new());
    }
    let text = text(source, query);
    let mut points = Vec::new();
    let mut next = None;
    for _ in 0..PAGES_MAX {
        let call = client.query().query_string(&text).set_next_token(next.take());
        let page = call.send().await.map_err(|error| Cause::from(DisplayErrorContext(error).to_string()))?;
        for row in page.rows() {
            points.push(point(row)?);
        }
        next = page.next_token;
        if next.is_none() {
            return Ok(points);
        }
    }
    Err("a query of Timestream does not end".into())
}

fn point(row: &Row) -> Result<Point, Cause> {
    let column = |place: usize| -> Result<&Datum, Cause> {
        row.data().get(place).ok_or_else(|| Cause::from(format!("column {place} of an answer is missing")))
    };
    let scalar = |place: usize| -> Result<&str, Cause> {
        let value = column(place)?.scalar_value();
        value.ok_or_else(|| Cause::from(format!("column {place} of an answer is no scalar")))
    };
    let float = |place: usize| -> Result<f64, Cause> { Ok(scalar(place)?.parse()?) };
    let unit = column(5)?;
    Ok(Point {
        at: Timestamp::from_ms(scalar(0)?.parse()?),
        count: scalar(1)?.parse()?,
        min: float(2)?,
        max: float(3)?,
        mean: float(4)?,
        // A plain number has no unit.
        unit: unit.scalar_value().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(name: &str, step_s: Option<u64>) -> SeriesQuery {
        let (from, to) = (Timestamp::from_ms(61_000), Timestamp::from_ms(100_000));
        SeriesQuery { satellite: "den-pi".parse().unwrap(), name: name.into(), from, to, step_s, limit: 5 }
    }

    #[test]
    fn queries_are_as_they_should_be() {
        let source = Source::new("marvain-dev", "readings").unwrap();
        let text = |name, step_s| text(&source, &query(name, step_s));
        assert_eq!(
            text("it's", None),
            "SELECT to_milliseconds(time) AS at, 1 AS n, value AS lo, value AS hi, value AS mean, unit \
             FROM \"marvain-dev\".\"readings\" WHERE satellite = 'den-pi' AND measure_name = 'it~27s' \
             AND time >= from_milliseconds(61000) AND time < from_milliseconds(100000) ORDER BY 1 LIMIT 5"
        );
        assert!(
            text("t", Some(60)).contains("from_milliseconds(60000) AND time < from_milliseconds(120000) GROUP BY 1")
        );
        assert!(Source::new("a\"b", "readings").is_err());
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_quotes(name in "\\PC{1,16}|['\"\\\\;%/*()-]{1,16}") {
            let source = Source::new("database", "table").unwrap();
            let told = text(&source, &query(&name, None));
            let plain = text(&source, &query("QQQ", None));
            prop_assert_eq!(told, plain.replace("QQQ", Plain::encoded(&name).as_str()));
        }
    }
}
