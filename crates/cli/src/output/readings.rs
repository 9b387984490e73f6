//! Readings over time for people.

use super::{Look, Tint, relative, table};
use marvain_console::readings::Series;

/// A number with as many digits as a person looks at; JSON has them all.
pub(crate) fn number(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

pub(crate) fn series(all: &[Series], look: Look) -> String {
    let rows: Vec<_> = all
        .iter()
        .flat_map(|series| series.points.iter().map(move |point| (series, point)))
        .map(|(series, point)| {
            let (value, spread) = (number(point.mean), (number(point.min), number(point.max)));
            let range = if point.count == 1 { String::new() } else { format!("{} to {}", spread.0, spread.1) };
            let plain = |text: String| (text, Tint::Plain);
            [
                plain(point.at.to_string()),
                (relative(point.at, look.now), Tint::Dim),
                plain(series.name.clone()),
                plain(format!("{value} {}", point.unit).trim_end().to_owned()),
                plain(range),
                plain(point.count.to_string()),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "nothing was measured in this time".to_owned();
    }
    let mut text = table(look, ["AT", "", "READING", "VALUE", "RANGE", "OF"], rows);
    for series in all.iter().filter(|series| series.next.is_some()) {
        text.push_str(&format!(
            "\nthere is more of `{}`: ask for less time, a longer `--step`, or a larger `--limit`",
            series.name
        ));
    }
    text
}
