//! The network between satellites and broker, and the broker's rules into the hub's queues.
//!
//! Packets take their time. Where the weather says so they overtake each other or come twice, as between AWS IoT Core's
//! own parts. A lost packet takes its connection with it, as TCP does, and both ends notice in their own time.

use super::{Event, World};
use crate::{broker::Out, executor::wait, options::Plant};
use marvain_domain::id::SatelliteId;
use marvain_hub::port::Delivery;
use marvain_satellite::core::{Input, Token};
use marvain_topics::{Queue, RULES, Topic};

/// Longest until the broker notices that a client is gone, in ms: one and a half keep-alive.
const KEEP_ALIVE_MS: u64 = 45_000;

/// What a satellite sends.
#[derive(Clone, Debug)]
pub(super) enum Up {
    Subscribe(Vec<Topic>),
    Publish { topic: Topic, payload: String, token: Option<Token> },
}

/// What a satellite is sent.
#[derive(Clone, Debug)]
pub(super) enum Down {
    Connected,
    Subscribed,
    Acked(Token),
    Message(Topic, Vec<u8>),
    /// The connection has ended.
    Lost,
}

/// The queue that the rules put a topic's messages into.
pub(super) fn queue_of(topic: &Topic) -> Option<Queue> {
    let topic = topic.to_string();
    let fits = |filter: &str| {
        let (mut topic, mut filter) = (topic.split('/'), filter.split('/'));
        loop {
            match (topic.next(), filter.next()) {
                (None, None) => return true,
                (Some(level), Some(wanted)) if wanted == "+" || wanted == level => {}
                _ => return false,
            }
        }
    };
    RULES.iter().find(|rule| fits(rule.filter)).map(|rule| rule.queue)
}

impl World {
    pub(super) fn connect(&mut self, id: &SatelliteId) {
        let now_ms = self.now_ms();
        let Some(satellite) = self.satellites.get_mut(id) else { return };
        if !satellite.is_running() || satellite.connection.is_some() {
            return;
        }
        let away = satellite.partitioned_until_ms > now_ms;
        let connection = if away { None } else { self.broker.lock().connect(id, &satellite.certificate) };
        let Some(connection) = connection else {
            let trusted = self.broker.lock().is_trusted(&satellite.certificate);
            if trusted || !self.calm {
                self.within(1_000, 30_000, Event::Connect(id.clone()));
            }
            return;
        };
        satellite.connection = Some(connection);
        self.shared.note(|| format!("{id}: connects as {connection}"));
        self.down(id, connection, Down::Connected);
    }

    /// When a packet arrives; none if it never does.
    fn arrival(&mut self, id: &SatelliteId, connection: u64, up: bool) -> Option<u64> {
        if self.dead.contains(&connection) {
            return None;
        }
        let (weather, now_ms) = {
            let state = self.shared.lock();
            (state.weather, state.now_ms)
        };
        if self.dice.permille(weather.cut) {
            self.cut(id, connection);
            return None;
        }
        let mut at_ms = now_ms + self.dice.range(1, weather.net_ms);
        if !weather.reorder {
            at_ms = at_ms.max(self.arrivals.get(&(connection, up)).copied().unwrap_or_default());
        }
        self.arrivals.insert((connection, up), at_ms);
        Some(at_ms)
    }

    /// The connection is gone; the ends notice later, perhaps long after a new one is tried.
    fn cut(&mut self, id: &SatelliteId, connection: u64) {
        self.dead.insert(connection);
        self.count("cut connections");
        if self.dice.permille(200) {
            let until_ms = self.now_ms() + self.dice.range(10_000, 500_000);
            if let Some(satellite) = self.satellites.get_mut(id) {
                satellite.partitioned_until_ms = until_ms;
            }
        }
        self.within(10, KEEP_ALIVE_MS, Event::ToSatellite(id.clone(), connection, Down::Lost));
        self.within(10, KEEP_ALIVE_MS, Event::BrokerNotices(id.clone(), connection));
    }

    pub(super) fn up(&mut self, id: &SatelliteId, connection: u64, up: Up) {
        let Some(at_ms) = self.arrival(id, connection, true) else { return };
        if matches!(up, Up::Publish { .. }) && self.shared.strikes(|weather| weather.repeat) {
            let later_ms = at_ms + self.dice.range(0, 5_000);
            self.at(later_ms, Event::ToBroker(id.clone(), connection, up.clone()));
        }
        self.at(at_ms, Event::ToBroker(id.clone(), connection, up));
    }

    fn down(&mut self, id: &SatelliteId, connection: u64, down: Down) {
        let Some(at_ms) = self.arrival(id, connection, false) else { return };
        if matches!(down, Down::Message(..)) && self.shared.strikes(|weather| weather.repeat) {
            let later_ms = at_ms + self.dice.range(0, 5_000);
            self.at(later_ms, Event::ToSatellite(id.clone(), connection, down.clone()));
        }
        self.at(at_ms, Event::ToSatellite(id.clone(), connection, down));
    }

    pub(super) fn broker_notices(&mut self, id: &SatelliteId, connection: u64) {
        let mut broker = self.broker.lock();
        if broker.connection(id) == Some(connection) {
            broker.close(id, "MQTT_KEEP_ALIVE_TIMEOUT");
        }
    }

    /// What has left the broker goes on its way.
    pub(super) fn flush_broker(&mut self) {
        let out = self.broker.lock().take_out();
        for out in out {
            match out {
                Out::Message { thing, connection, topic, payload } => {
                    self.down(&thing, connection, Down::Message(topic, payload));
                }
                Out::Rule { topic, principal, payload } => {
                    let weather = self.shared.lock().weather;
                    let longest = if weather.reorder { weather.net_ms } else { 1 };
                    self.within(0, longest, Event::Rule(topic, principal, payload));
                }
                Out::Closed { thing, connection } => {
                    self.dead.insert(connection);
                    self.within(1, 2_000, Event::ToSatellite(thing, connection, Down::Lost));
                }
            }
        }
    }

    /// A rule takes a message of the broker's own: it is durable with the broker until the queue has it.
    pub(super) fn rule(&mut self, topic: Topic, principal: Option<String>, payload: Vec<u8>) {
        if self.shared.strikes(|weather| weather.broker_down) {
            return self.within(500, 5_000, Event::Rule(topic, principal, payload));
        }
        self.enqueue(&topic, principal.as_deref(), payload);
    }

    pub(super) fn enqueue(&mut self, topic: &Topic, principal: Option<&str>, payload: Vec<u8>) {
        let Some(queue) = queue_of(topic) else { return };
        let delivery = Delivery::from_rule(queue, &topic.to_string(), principal, self.now(), payload.clone());
        if let Some(thing) = topic.thing() {
            self.shared.lock().oracle.carried(thing, &payload, &delivery.id);
        }
        self.shared.note(|| format!("broker: {topic} to {} as {}", queue.name(), delivery.id));
        if let Err(error) = wait(self.queues.enqueue(delivery, None)) {
            return self.broken(&error);
        }
        let at_ms = self.now_ms() + self.dice.range(0, 100);
        self.work_on(queue, at_ms);
    }

    pub(super) fn arrive_up(&mut self, id: &SatelliteId, connection: u64, up: Up) {
        if self.broker.lock().connection(id) != Some(connection) {
            return;
        }
        match up {
            Up::Subscribe(topics) => {
                self.broker.lock().subscribe(id, &topics);
                self.down(id, connection, Down::Subscribed);
            }
            Up::Publish { topic, payload, token } => {
                let stored = self.accept(id, &topic, payload);
                match token {
                    Some(token) if stored => self.down(id, connection, Down::Acked(token)),
                    _ if !stored => self.broker.lock().close(id, "SERVER_ERROR"),
                    _ => {}
                }
            }
        }
    }

    /// Says whether the broker has taken responsibility.
    fn accept(&mut self, id: &SatelliteId, topic: &Topic, payload: String) -> bool {
        let Some(certificate) = self.satellites.get(id).map(|satellite| satellite.certificate.clone()) else {
            return false;
        };
        if let Topic::Shadow { name, op, .. } = topic {
            self.broker.lock().request(id, *name, *op, payload.as_bytes(), &certificate);
            return true;
        }
        if self.shared.planted(Plant::BrokerAcksBeforeQueue, 100) {
            return true;
        }
        let down = self.shared.strikes(|weather| weather.broker_down);
        if !down || self.dice.permille(500) {
            self.enqueue(topic, Some(&certificate), payload.into_bytes());
        }
        !down
    }

    pub(super) fn arrive_down(&mut self, id: &SatelliteId, connection: u64, down: Down) {
        let Some(satellite) = self.satellites.get_mut(id) else { return };
        if satellite.connection != Some(connection) {
            return;
        }
        let input = match down {
            Down::Connected => Input::Connected,
            Down::Subscribed => Input::Subscribed,
            Down::Acked(token) => Input::Acked(token),
            Down::Message(topic, payload) => Input::Message { topic, payload: payload.into() },
            Down::Lost => {
                satellite.connection = None;
                Input::Disconnected
            }
        };
        let lost = matches!(input, Input::Disconnected);
        self.shared.note(|| match &input {
            Input::Message { topic, payload } => format!("{id}: gets {topic} {}", String::from_utf8_lossy(payload)),
            other => format!("{id}: {other:?}"),
        });
        self.tell(id, input);
        if lost {
            self.within(500, 10_000, Event::Connect(id.clone()));
        }
    }
}
