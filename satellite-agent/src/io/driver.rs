//! Carries out what the agent decides, and tells it what happens. It decides nothing.
//!
//! One task on one thread. Writes to the state directory block it: nothing may follow a write that is not durable.

use super::{
    actuator, input,
    link::{Event, Link, Request},
    storage::Storage,
};
use crate::{
    config::Config,
    core::{Agent, BOOT_ID_BYTES, BootId, Input, Now, Output, Recovered},
    ports::Ports,
};
use marvain_domain::{action::Outcome, id::ActionId};
use std::{collections::HashMap, future::Future, time::Duration};
use tokio::{
    sync::mpsc,
    task::{Id, JoinSet},
    time::Instant,
};

/// Lines and readings taken at once; one fsync makes them durable together.
const BATCH_MAX: usize = 64;
/// How long what inputs have read already is taken from them at the end, in milliseconds.
const DRAIN_MS: u64 = 50;
/// How long PUBACKs are waited for at the end, in seconds.
const GOODBYE_S: u64 = 2;

pub(crate) struct Driver {
    agent: Agent,
    storage: Storage,
    link: Link,
    jobs: JoinSet<Outcome>,
    actions: HashMap<Id, ActionId>,
    inputs: mpsc::Receiver<Input>,
    inputs_open: bool,
    paused: bool,
    in_flight: usize,
    ports: Ports,
    began: Instant,
}

impl Driver {
    pub(crate) fn new(config: &Config, storage: Storage, recovered: Recovered, ports: Ports) -> Self {
        let mut boot = [0; BOOT_ID_BYTES];
        ports.entropy.fill(&mut boot);
        let began = Instant::now();
        let now = Now { wall: ports.clock.now(), mono_ms: 0 };
        let agent = Agent::new(config, BootId(boot), recovered, now);
        let entropy = std::sync::Arc::clone(&ports.entropy);
        Self {
            agent,
            inputs: input::start(&config.inputs, storage.positions()),
            storage,
            link: Link::start(config.endpoint.clone(), config.thing.to_string(), entropy),
            jobs: JoinSet::new(),
            actions: HashMap::new(),
            inputs_open: true,
            paused: false,
            in_flight: 0,
            ports,
            began,
        }
    }

    fn now(&self) -> Now {
        let mono_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { wall: self.ports.clock.now(), mono_ms }
    }

    fn tell(&mut self, input: Input) {
        let now = self.now();
        self.agent.handle(now, input);
    }

    /// Runs until `shutdown`, then ends in good order.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        self.carry_out();
        loop {
            let deadline = self.deadline();
            let mut batch = Vec::with_capacity(BATCH_MAX);
            tokio::select! {
                () = &mut shutdown => break,
                event = self.link.next() => self.heard(event),
                n = self.inputs.recv_many(&mut batch, BATCH_MAX), if self.inputs_open && !self.paused => {
                    self.inputs_open = n > 0;
                    batch.into_iter().for_each(|input| self.tell(input));
                }
                Some(ended) = self.jobs.join_next_with_id() => self.ended(ended),
                () = tokio::time::sleep_until(deadline) => self.tell(Input::Tick),
            }
            self.carry_out();
        }
        self.goodbye().await;
    }

    fn deadline(&self) -> Instant {
        // Without a deadline the agent is woken by what happens.
        let wait = self.agent.deadline().map_or(Duration::from_secs(3600), |at| {
            Duration::from_millis(at.saturating_sub(self.now().mono_ms).saturating_add(1))
        });
        Instant::now() + wait
    }

    fn heard(&mut self, event: Option<Event>) {
        let input = match event {
            Some(Event::Up) => Input::Connected,
            Some(Event::Subscribed) => Input::Subscribed,
            Some(Event::Acked(token)) => {
                self.in_flight = self.in_flight.saturating_sub(1);
                Input::Acked(token)
            }
            Some(Event::Message { topic, payload }) => Input::Message { topic, payload },
            Some(Event::Down) | None => {
                self.in_flight = 0;
                Input::Disconnected
            }
        };
        self.tell(input);
    }

    fn ended(&mut self, ended: Result<(Id, Outcome), tokio::task::JoinError>) {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let why =
                    if error.is_cancelled() { "stopped: the satellite was shut down" } else { "the job broke off" };
                (error.id(), Outcome { result: None, error: Some(why.to_owned()) })
            }
        };
        if let Some(action) = self.actions.remove(&id) {
            self.tell(Input::Finished { action, outcome });
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.agent.poll_output() {
            self.act(output);
        }
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::Subscribe(topics) => self.link.send(Request::Subscribe(topics)),
            Output::Publish { topic, payload, token } => {
                self.in_flight += usize::from(token.is_some());
                self.link.send(Request::Publish { topic, payload, token });
            }
            Output::Fetch { lane, after, most } => {
                let entries = self.storage.spool.fetch(lane, after, most);
                if let Err(error) = &entries {
                    tracing::error!(lane = lane.as_str(), %error, cause = %error.source, "the spool cannot be read");
                }
                self.tell(Input::Fetched { lane, entries: entries.ok() });
            }
            Output::Remove(token) => {
                if let Err(error) = self.storage.spool.remove(token.lane, token.seq) {
                    tracing::warn!(%error, cause = %error.source, "not removed from the spool; it may be sent again");
                }
                self.tell(Input::Removed(self.storage.spool.usage()));
            }
            Output::Remember(fact) => {
                let stored = self.storage.journal.remember(&fact);
                if let Err(error) = &stored {
                    tracing::error!(%error, cause = %error.source, "the journal cannot be written");
                }
                self.tell(Input::Remembered { fact, stored: stored.is_ok() });
            }
            Output::Rewrite(facts) => {
                if let Err(error) = self.storage.journal.rewrite(&facts) {
                    tracing::error!(%error, cause = %error.source, "the journal cannot be written anew");
                }
            }
            Output::Start { action, job } => {
                let id = self.jobs.spawn(actuator::carry_out(job)).id();
                self.actions.insert(id, action);
            }
            Output::Pause(paused) => self.paused = paused,
            Output::Append(records) => {
                let stored = self.storage.spool.append(&records);
                self.tell(Input::Appended { stored, usage: self.storage.spool.usage() });
            }
        }
    }

    /// Spools what inputs have read. A producer that is never done does not hold it up.
    async fn drain(&mut self) {
        let until = Instant::now() + Duration::from_millis(DRAIN_MS);
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while !self.paused && before(until, self.inputs.recv_many(&mut batch, BATCH_MAX)).await.is_some_and(|n| n > 0) {
            batch.drain(..).for_each(|input| self.tell(input));
            self.carry_out();
        }
        self.inputs.close();
        while !self.paused
            && let Ok(input) = self.inputs.try_recv()
        {
            self.tell(input);
        }
        self.carry_out();
    }

    /// Spools what inputs have read, ends the jobs, and gives their reports a moment to go out.
    async fn goodbye(mut self) {
        tracing::info!("stopping");
        self.tell(Input::Stopping);
        self.drain().await;
        self.jobs.abort_all();
        while let Some(ended) = self.jobs.join_next_with_id().await {
            self.ended(ended);
            self.carry_out();
        }
        let until = Instant::now() + Duration::from_secs(GOODBYE_S);
        while self.in_flight > 0
            && let Some(event) = before(until, self.link.next()).await
        {
            let over = event.is_none();
            self.heard(event);
            self.carry_out();
            if over {
                break;
            }
        }
        self.link.stop().await;
        tracing::info!("stopped");
    }
}

/// What `work` answers before `until`. Work that is always ready would never let a timeout have its turn.
async fn before<T>(until: Instant, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = tokio::time::sleep_until(until) => None,
        answer = work => Some(answer),
    }
}
