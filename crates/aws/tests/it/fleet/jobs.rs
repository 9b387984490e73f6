//! Jobs, from an operator to a satellite.

use crate::iot::Iot;
use marvain_aws::fleet::{JobCounts, JobState};
use marvain_domain::chain;
use marvain_hub::port::Fleet as _;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_given_followed_and_called_off() {
    let iot = Iot::start().await;
    let fleet = iot.fleet();
    let satellites = ["kitchen".parse().unwrap(), "den".parse().unwrap()];
    for satellite in &satellites {
        fleet.create_satellite(satellite).await.unwrap();
    }
    assert_eq!(fleet.job("update-1").await.unwrap(), None);
    fleet.create_job("update-1", &satellites, &json!({"version": "1.2.3"})).await.unwrap();
    let job = fleet.job("update-1").await.unwrap().unwrap();
    assert_eq!((job.state, job.counts), (JobState::InProgress, JobCounts { queued: 2, ..JobCounts::default() }));
    assert_eq!(fleet.jobs(10, None).await.unwrap(), (vec![("update-1".to_owned(), JobState::InProgress)], None));
    for _ in 0..2 {
        fleet.cancel_job("update-1", false).await.unwrap();
    }
    let job = fleet.job("update-1").await.unwrap().unwrap();
    assert_eq!((job.state, job.counts.queued, job.counts.canceled), (JobState::Canceled, 0, 2));

    let refused = [
        ("update-1", &satellites[..], "update-1"),
        ("update-2", &satellites[..0], "1 to 100 satellites"),
        ("update-3", &["nobody".parse().unwrap()][..], "nobody"),
    ];
    for (id, satellites, why) in refused {
        let document = json!({"version": id});
        let error = chain(&fleet.create_job(id, satellites, &document).await.unwrap_err());
        assert!(error.starts_with(&format!("creating job `{id}` failed: ")) && error.contains(why), "{error}");
    }
    assert!(fleet.cancel_job("none", false).await.is_err());
}
