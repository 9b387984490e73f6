//! Messages with QoS 1 from some clients to others: how many arrive in a second, and how long each takes.
//!
//! The loop is closed: only so many messages are under way at once, so that neither broker drops any and none waits longer
//! than the brokers let it. A message that does not arrive is an error, not a figure.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use rumqttc::{Publish, PublishOptions, QoS};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::broker::Broker;
use crate::device::{Client, Device, PATIENCE, Session};
use crate::report::Metric;
use crate::{Result, Size};

/// The size of every payload.
const PAYLOAD_BYTES: usize = 256;
/// Handshakes under way at once.
const HANDSHAKES_MAX: usize = 32;
const TOPIC: &str = "bench/flow";

/// Who sends to whom.
#[derive(Clone, Copy)]
pub(crate) struct Flow {
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    /// Messages that are published and have not reached every subscriber.
    pub(crate) under_way_max: usize,
    /// Of the subscribers.
    pub(crate) session: Session,
}

/// What publishers and subscribers know together.
struct Shared {
    flow: Flow,
    begin: Instant,
    /// A permit for each message that may be published now.
    window: Semaphore,
    measuring: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Messages under way: how many subscribers have yet to get them.
    missing: HashMap<u64, usize>,
    /// How long each message took that arrived while it was measured, in microseconds.
    took_us: Vec<u32>,
}

impl Flow {
    pub(crate) async fn measure(self, size: &Size, broker: &Broker, devices: &[Device]) -> Result<Vec<(Metric, f64)>> {
        let shared = Arc::new(Shared {
            flow: self,
            begin: Instant::now(),
            window: Semaphore::new(self.under_way_max),
            measuring: AtomicBool::new(false),
            state: Mutex::default(),
        });
        let (publishing, subscribing) = devices.split_at_checked(self.publishers).ok_or("too few certificates")?;
        let subscribers: Vec<Client> = stream::iter(subscribing.iter().take(self.subscribers).enumerate())
            .map(|(number, device)| subscribe(device, number, broker.port, &shared))
            .buffer_unordered(HANDSHAKES_MAX)
            .try_collect()
            .await?;
        let publishers: Vec<Client> = stream::iter(publishing.iter().enumerate())
            .map(|(number, device)| device.connect(broker.port, format!("publisher-{number}"), Session::Clean, |_| ()))
            .buffer_unordered(HANDSHAKES_MAX)
            .try_collect()
            .await?;
        let mut publishing = Vec::new();
        for publisher in &publishers {
            publishing.push(tokio::spawn(publish(publisher.mqtt.clone(), Arc::clone(&shared))));
        }

        sleep(size.warm_up).await;
        let (begin, cpu) = (Instant::now(), broker.cpu()?);
        shared.measuring.store(true, Ordering::Relaxed);
        sleep(size.measured).await;
        shared.measuring.store(false, Ordering::Relaxed);
        let (took, cpu) = (begin.elapsed(), broker.cpu()?.saturating_sub(cpu));

        shared.window.close();
        for publishing in publishing {
            publishing.await??;
        }
        shared.all_arrive().await?;
        if publishers.iter().chain(&subscribers).any(Client::has_ended) {
            return Err("a connection was lost".into());
        }
        let took_us = std::mem::take(&mut shared.state.lock().took_us);
        figures(took_us, took, cpu)
    }
}

async fn subscribe(device: &Device, number: usize, port: u16, shared: &Arc<Shared>) -> Result<Client> {
    let of_callback = Arc::clone(shared);
    let on_message = move |publish: &Publish| of_callback.arrived(&publish.payload);
    let client = device.connect(port, format!("subscriber-{number}"), shared.flow.session, on_message).await?;
    client.mqtt.subscribe_tracked(TOPIC, QoS::AtLeastOnce).await?.wait_async().await?;
    Ok(client)
}

/// Publishes whenever it may, until the window is closed.
async fn publish(mqtt: rumqttc::AsyncClient, shared: Arc<Shared>) -> Result<()> {
    while let Ok(permit) = shared.window.acquire().await {
        permit.forget();
        mqtt.publish(TOPIC, shared.depart(), PublishOptions::at_least_once()).await?;
    }
    Ok(())
}

impl Shared {
    /// A payload: the number of its message, when it left, and what makes it as long as the others.
    fn depart(&self) -> Vec<u8> {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.missing.insert(number, self.flow.subscribers);
        drop(state);
        let left_us = self.begin.elapsed().as_micros() as u64;
        let mut payload = [number.to_be_bytes(), left_us.to_be_bytes()].concat();
        payload.resize(PAYLOAD_BYTES, b'x');
        payload
    }

    fn arrived(&self, payload: &[u8]) {
        let now_us = self.begin.elapsed().as_micros() as u64;
        let Some((head, _)) = payload.split_first_chunk::<16>() else { return };
        let [number, left_us] = numbers(*head);
        let mut state = self.state.lock();
        if self.measuring.load(Ordering::Relaxed) {
            state.took_us.push(u32::try_from(now_us.saturating_sub(left_us)).unwrap_or(u32::MAX));
        }
        let Some(missing) = state.missing.get_mut(&number) else { return };
        *missing -= 1;
        if *missing == 0 {
            state.missing.remove(&number);
            drop(state);
            self.window.add_permits(1);
        }
    }

    async fn all_arrive(&self) -> Result<()> {
        let begin = Instant::now();
        loop {
            let missing = self.state.lock().missing.len();
            if missing == 0 {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                return Err(format!("{missing} messages did not arrive everywhere within {PATIENCE:?}").into());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Two big-endian numbers.
fn numbers(bytes: [u8; 16]) -> [u64; 2] {
    let both = u128::from_be_bytes(bytes);
    [(both >> 64) as u64, both as u64]
}

fn figures(mut took_us: Vec<u32>, took: Duration, cpu: Duration) -> Result<Vec<(Metric, f64)>> {
    took_us.sort_unstable();
    let at = |share: usize| took_us.get(took_us.len() * share / 100).map(|us| f64::from(*us) / 1000.0);
    let (Some(p50), Some(p99)) = (at(50), at(99)) else { return Err("no message arrived".into()) };
    let count = took_us.len() as f64;
    Ok(vec![
        (Metric::Rate, count / took.as_secs_f64()),
        (Metric::P50, p50),
        (Metric::P99, p99),
        (Metric::Cpu, cpu.as_secs_f64() * 1e6 / count),
    ])
}
