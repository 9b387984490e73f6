//! What a satellite has measured over time.

use crate::world::{GUEST, OWNER, World};
use axum::http::Method;
use marvain_hub::port::{Sample, Telemetry};
use serde_json::json;

#[tokio::test]
async fn readings_are_values_or_steps_in_pages() {
    let world = World::new().await;
    world.owner(Method::POST, "/v1/satellites", Some(json!({"id": "pi"}))).await;
    let sample = |minute: u64| Sample {
        satellite: "pi".parse().unwrap(),
        name: "temperature".into(),
        at: format!("2026-11-22T08:{minute:02}:00Z").parse().unwrap(),
        value: minute as f64,
        unit: "°C".into(),
    };
    world.stores.telemetry.append((50..60).map(sample).collect()).await.unwrap();
    let path = "/v1/satellites/pi/readings?name=temperature";
    let (status, all) = world.ask(GUEST, Method::GET, path, None).await;
    assert_eq!((status, all["points"].as_array().unwrap().len()), (200, 10), "{all}");
    assert_eq!((&all["from"], &all["to"]), (&json!("2026-11-21T09:00:00.001Z"), &json!("2026-11-22T09:00:00.001Z")));
    let first =
        json!({"at": "2026-11-22T08:50:00.000Z", "count": 1, "min": 50.0, "max": 50.0, "mean": 50.0, "unit": "°C"});
    assert_eq!(all["points"][0], first);
    assert_eq!(all.get("next"), None);
    let (mut seen, mut from) = (Vec::new(), "2026-11-22T08:51:00Z".to_owned());
    for _ in 0..4 {
        let page = world.owner(Method::GET, &format!("{path}&limit=3&from={from}"), None).await;
        seen.extend(page["points"].as_array().unwrap().iter().map(|point| point["mean"].as_f64().unwrap()));
        match page["next"].as_str() {
            Some(next) => from = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, (51..60).map(f64::from).collect::<Vec<_>>());
    let steps = world.owner(Method::GET, &format!("{path}&step_s=300"), None).await;
    let counts: Vec<_> = steps["points"].as_array().unwrap().iter().map(|point| point["count"].clone()).collect();
    assert_eq!((counts, &steps["points"][1]["mean"]), (vec![json!(5), json!(5)], &json!(57.0)), "{steps}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let world = World::new().await;
    world.owner(Method::POST, "/v1/satellites", Some(json!({"id": "pi"}))).await;
    let long = "x".repeat(65);
    for (path, status) in [
        ("/v1/satellites/po/readings?name=t".to_owned(), 404),
        ("/v1/satellites/pi/readings".into(), 422),
        ("/v1/satellites/pi/readings?name=".into(), 422),
        (format!("/v1/satellites/pi/readings?name={long}"), 422),
        ("/v1/satellites/pi/readings?name=t&from=2026-11-22T08:00:00Z&to=2026-11-22T08:00:00Z".into(), 422),
        ("/v1/satellites/pi/readings?name=t&step_s=0".into(), 422),
        ("/v1/satellites/pi/readings?name=t&limit=2001".into(), 422),
        ("/v1/satellites/pi/readings?name=t&since=1".into(), 422),
        ("/v1/satellites/pi/readings?name=t&limit=2000&step_s=60".into(), 200),
    ] {
        assert_eq!(world.ask(OWNER, Method::GET, &path, None).await.0, status, "{path}");
    }
}
