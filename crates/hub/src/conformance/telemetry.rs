//! The suites of the port [`Telemetry`].

use super::Storage;
use crate::port::{POINTS_MAX, Point, SUMMARIES_KEPT_S, Sample, SeriesQuery, Telemetry, VALUE_MAX, VALUES_KEPT_S};
use marvain_domain::Timestamp;

/// 2026-11-22T09:00:00Z
const NOW: Timestamp = Timestamp::from_ms(1_795_338_000_000);
const HOUR_S: u64 = 3600;
const DAY_S: u64 = 24 * HOUR_S;
/// Purges that it takes at most until nothing more is gone.
const PURGES: usize = 100;

/// Runs the suite of what is kept and read; `fresh` makes storage for one scenario.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn telemetry<S>(fresh: impl AsyncFn() -> S)
where
    S: Storage<Adapter: Telemetry>,
{
    what_is_kept_comes_back(&fresh().await).await;
    a_repetition_changes_nothing(&fresh().await.open().await).await;
    a_series_is_of_one_thing(&fresh().await.open().await).await;
    a_series_goes_on_where_it_ended(&fresh().await.open().await).await;
    steps_sum_up(&fresh().await.open().await).await;
    any_name_is_a_name(&fresh().await.open().await).await;
}

/// Runs the suite of what is dropped; for adapters that drop it themselves.
///
/// # Panics
/// At the first thing that is not as the port's documentation has it.
pub async fn telemetry_retention<S>(fresh: impl AsyncFn() -> S)
where
    S: Storage<Adapter: Telemetry>,
{
    old_values_become_summaries(&fresh().await).await;
    old_summaries_go(&fresh().await.open().await).await;
}

fn ago(s: u64) -> Timestamp {
    Timestamp::from_ms(NOW.as_ms() - s * 1000)
}

fn sample(name: &str, at: Timestamp, value: f64) -> Sample {
    Sample { satellite: "pi".parse().unwrap(), name: name.into(), at, value, unit: "C".into() }
}

fn query(name: &str, from: Timestamp) -> SeriesQuery {
    let to = NOW.plus_s(1);
    SeriesQuery { satellite: "pi".parse().unwrap(), name: name.into(), from, to, step_s: None, limit: POINTS_MAX }
}

fn value(at: Timestamp, value: f64) -> Point {
    Point { at, count: 1, min: value, max: value, mean: value, unit: "C".into() }
}

async fn what_is_kept_comes_back<S: Storage<Adapter: Telemetry>>(storage: &S) {
    let values = [21.5, -0.1, 0.0, 1e-300, VALUE_MAX, -VALUE_MAX, 0.1 + 0.2, 1.0 / 3.0, 9_007_199_254_740_992.0];
    let samples: Vec<Sample> =
        values.iter().enumerate().map(|(n, value)| sample("t", ago(100 - n as u64), *value)).collect();
    let telemetry = storage.open().await;
    telemetry.append(Vec::new()).await.unwrap();
    assert!(telemetry.series(&query("t", Timestamp::EPOCH)).await.unwrap().is_empty());
    // In another order than that of time.
    telemetry.append(samples.iter().rev().cloned().collect()).await.unwrap();
    drop(telemetry);
    let telemetry = storage.open().await;
    let expected: Vec<Point> = samples.iter().map(|sample| value(sample.at, sample.value)).collect();
    assert_eq!(telemetry.series(&query("t", Timestamp::EPOCH)).await.unwrap(), expected);
}

async fn a_repetition_changes_nothing(telemetry: &impl Telemetry) {
    let first = vec![sample("t", ago(10), 1.0), sample("t", ago(9), 2.0)];
    telemetry.append(first.clone()).await.unwrap();
    telemetry.append(first).await.unwrap();
    // The first stays, also of one call; what is new beside it is kept.
    let mixed = vec![sample("t", ago(10), 7.0), sample("t", ago(8), 3.0), sample("t", ago(8), 4.0)];
    telemetry.append(mixed).await.unwrap();
    let expected = vec![value(ago(10), 1.0), value(ago(9), 2.0), value(ago(8), 3.0)];
    assert_eq!(telemetry.series(&query("t", Timestamp::EPOCH)).await.unwrap(), expected);
}

async fn a_series_is_of_one_thing(telemetry: &impl Telemetry) {
    let other = Sample { satellite: "po".parse().unwrap(), ..sample("t", ago(5), 5.0) };
    let unit = Sample { unit: String::new(), ..sample("T", ago(5), 4.0) };
    telemetry.append(vec![sample("t", ago(5), 1.0), sample("h", ago(5), 2.0), other, unit]).await.unwrap();
    assert_eq!(telemetry.series(&query("t", ago(60))).await.unwrap(), [value(ago(5), 1.0)]);
    let capital = telemetry.series(&query("T", ago(60))).await.unwrap();
    assert_eq!(capital, [Point { unit: String::new(), ..value(ago(5), 4.0) }]);
    let elsewhere = SeriesQuery { satellite: "po".parse().unwrap(), ..query("t", ago(60)) };
    assert_eq!(telemetry.series(&elsewhere).await.unwrap(), [value(ago(5), 5.0)]);
    assert!(telemetry.series(&query("x", ago(60))).await.unwrap().is_empty());
}

async fn a_series_goes_on_where_it_ended(telemetry: &impl Telemetry) {
    for part in (0..250).collect::<Vec<u64>>().chunks(100) {
        telemetry.append(part.iter().map(|n| sample("t", ago(*n), *n as f64)).collect()).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut from = ago(200);
    loop {
        let page = telemetry.series(&SeriesQuery { limit: 70, ..query("t", from) }).await.unwrap();
        let Some(last) = page.last() else { break };
        from = last.at.plus_ms(1);
        seen.extend(page.iter().map(|point| point.mean));
    }
    assert_eq!(seen, (0..=200).rev().map(f64::from).collect::<Vec<_>>());
    // The beginning belongs to it, the end does not.
    let within = SeriesQuery { to: ago(10), ..query("t", ago(12)) };
    assert_eq!(telemetry.series(&within).await.unwrap(), [value(ago(12), 12.0), value(ago(11), 11.0)]);
    let none = SeriesQuery { to: ago(10), ..query("t", ago(10)) };
    assert!(telemetry.series(&none).await.unwrap().is_empty());
}

async fn steps_sum_up(telemetry: &impl Telemetry) {
    let samples = [(125, 1.0), (124, 3.0), (60, -2.0), (59, VALUE_MAX), (58, VALUE_MAX), (1, 8.0)];
    telemetry.append(samples.map(|(s, value)| sample("t", ago(s), value)).to_vec()).await.unwrap();
    let steps = async |from: u64, to: u64, step_s: u64| {
        let query = SeriesQuery { to: ago(to), step_s: Some(step_s), ..query("t", ago(from)) };
        telemetry.series(&query).await.unwrap()
    };
    let at = |at: u64, count, min, max, mean| Point { at: ago(at), count, min, max, mean, unit: "C".into() };
    let expected = [at(180, 2, 1.0, 3.0, 2.0), at(60, 4, -2.0, VALUE_MAX, (2.0 * VALUE_MAX + 6.0) / 4.0)];
    assert_eq!(steps(180, 0, 60).await, expected);
    // What the window cuts is taken whole.
    assert_eq!(steps(124, 30, 60).await, expected);
    assert_eq!(steps(124, 60, 60).await, expected[..1]);
    assert_eq!(steps(59, 58, 1).await, [at(59, 1, VALUE_MAX, VALUE_MAX, VALUE_MAX)]);
    assert_eq!(steps(HOUR_S, 0, HOUR_S).await[0].count, 6);
    // A step that does not divide a day begins at its multiples since 1970.
    let odd = steps(200, 0, 7).await;
    assert!(odd.iter().all(|point| point.at.as_ms() % 7000 == 0), "{odd:?}");
    assert_eq!(odd.iter().map(|point| point.count).sum::<u64>(), 6);
    let first = SeriesQuery { step_s: Some(60), limit: 1, ..query("t", ago(180)) };
    assert_eq!(telemetry.series(&first).await.unwrap(), expected[..1]);
}

async fn any_name_is_a_name(telemetry: &impl Telemetry) {
    let long = "'".repeat(64);
    let names = [
        "'",
        "''",
        "\\",
        "\\'",
        "\"",
        "x' OR '1'='1",
        "; DROP TABLE telemetry_samples; --",
        ":name",
        "$1",
        "%s",
        "{0}",
        "~",
        "~27",
        "a b",
        " ",
        "é",
        "e\u{301}",
        "温度",
        "🦀",
        "\u{0}",
        "\n",
        "\u{202e}",
        "NULL",
        long.as_str(),
    ];
    for (n, name) in names.iter().enumerate() {
        telemetry.append(vec![sample(name, ago(5), n as f64)]).await.unwrap();
    }
    for (n, name) in names.iter().enumerate() {
        let series = telemetry.series(&query(name, ago(60))).await.unwrap();
        assert_eq!(series, [value(ago(5), n as f64)], "`{name}`");
    }
}

async fn purged(telemetry: &impl Telemetry, now: Timestamp) -> u64 {
    let mut gone = 0;
    for _ in 0..PURGES {
        match telemetry.purge(now).await.unwrap() {
            0 => return gone,
            rows => gone += rows,
        }
    }
    panic!("a purge never ends");
}

async fn old_values_become_summaries<S: Storage<Adapter: Telemetry>>(storage: &S) {
    let telemetry = storage.open().await;
    // A month longer may be kept, so this is old in any case; and it is at the beginning of an hour.
    let old = VALUES_KEPT_S + 40 * DAY_S;
    let samples = [(old, 1.0), (old - 1, 5.0), (old - HOUR_S, 9.0), (VALUES_KEPT_S - HOUR_S, 2.0), (60, 3.0)];
    let samples = samples.map(|(s, value)| sample("t", ago(s), value));
    telemetry.append(samples.to_vec()).await.unwrap();
    let hours = SeriesQuery { step_s: Some(HOUR_S), ..query("t", ago(old)) };
    let days = SeriesQuery { step_s: Some(DAY_S), ..query("t", ago(old)) };
    let (hourly, daily) = (telemetry.series(&hours).await.unwrap(), telemetry.series(&days).await.unwrap());
    assert_eq!(hourly.len(), 4);
    assert_eq!(hourly[0], Point { at: ago(old), count: 2, min: 1.0, max: 5.0, mean: 3.0, unit: "C".into() });
    assert_eq!(purged(&telemetry, NOW).await, 3);
    drop(telemetry);
    let telemetry = storage.open().await;
    let left: Vec<f64> =
        telemetry.series(&query("t", Timestamp::EPOCH)).await.unwrap().iter().map(|point| point.mean).collect();
    assert_eq!(left, [2.0, 3.0]);
    assert_eq!(telemetry.series(&hours).await.unwrap(), hourly, "hours are as they were");
    assert_eq!(telemetry.series(&days).await.unwrap(), daily);
    let minutes = SeriesQuery { step_s: Some(60), ..query("t", ago(old)) };
    assert_eq!(telemetry.series(&minutes).await.unwrap().len(), 2, "of what was finer nothing is known");
    // What comes again, or too late, counts no second time.
    telemetry.append(samples[..2].to_vec()).await.unwrap();
    telemetry.append(vec![sample("t", ago(old - 2), 7.0)]).await.unwrap();
    assert_eq!(telemetry.series(&hours).await.unwrap(), hourly);
    assert_eq!(purged(&telemetry, NOW).await, 0);
}

async fn old_summaries_go(telemetry: &impl Telemetry) {
    telemetry.append(vec![sample("t", ago(HOUR_S), 1.0), sample("u", ago(0), 1.0)]).await.unwrap();
    let later = NOW.plus_s(VALUES_KEPT_S + 40 * DAY_S);
    purged(telemetry, later).await;
    let hours = SeriesQuery { step_s: Some(HOUR_S), ..query("t", Timestamp::EPOCH) };
    assert_eq!(telemetry.series(&hours).await.unwrap().len(), 1);
    purged(telemetry, NOW.plus_s(SUMMARIES_KEPT_S - DAY_S)).await;
    assert_eq!(telemetry.series(&hours).await.unwrap().len(), 1, "it is kept for as long as was said");
    purged(telemetry, NOW.plus_s(SUMMARIES_KEPT_S + DAY_S)).await;
    assert!(telemetry.series(&hours).await.unwrap().is_empty());
}
