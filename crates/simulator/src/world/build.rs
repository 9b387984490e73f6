//! How a world begins: a household without faults, set up through the hub's own requests.

use super::{Event, Resident, World};
use crate::{
    broker::Broker,
    dice::Dice,
    executor::wait,
    options::{Options, Plant},
    ports::{MemoryVault, SimBus, SimFleet, SimLedger, SimModel, SimRecall, SimSigner, SimTelemetry, SimVault},
    satellite::Satellite,
    shared::{START, Shared},
};
use marvain_domain::{
    id::{DeliveryId, PersonId, SatelliteId, SpaceId},
    identity::{Person, Role},
};
use marvain_hub::{
    Hub, Ports, Settings,
    people::{Caller, Credential, SECRET_BYTES, Secret, Standing},
    planner::OfflineModel,
    port::{Ledger, NoPush, Recall},
};
use marvain_local::{SeedSigner, SqliteLedger, SqliteQueues, SqliteRecall, SqliteTelemetry};
use parking_lot::Mutex;
use std::{collections::BTreeMap, error::Error, sync::Arc};

/// A world that could not even be set up.
pub(crate) type Broken = Box<dyn Error + Send + Sync>;

/// Everybody besides the owner.
const RESIDENTS: [(&str, Role); 4] =
    [("amy", Role::Admin), ("ben", Role::Member), ("gil", Role::Guest), ("eve", Role::Blocked)];
const OWNER: &str = "ada";
const SPACES: [&str; 2] = ["den", "hall"];
const NAMES: [&str; 4] = ["den-pi", "hall-pi", "badge", "spare"];

pub(crate) fn settings() -> Result<Settings, Broken> {
    Ok(Settings {
        agent: "marvain".parse()?,
        time_zone: "UTC".to_owned(),
        log_origin: "marvain.local/simulated".parse()?,
    })
}

fn signer(seed: u64, shared: &Shared) -> SimSigner {
    let mut key = [0; 32];
    Dice::new(seed, "log key").fill(&mut key);
    SimSigner { inner: SeedSigner::new(&key), shared: shared.clone() }
}

impl World {
    pub(crate) fn new(seed: u64, options: Options) -> Result<Self, Broken> {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build()?;
        let shared = Shared::new(seed, &options);
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open_in_memory()?);
        let found: Arc<dyn Recall> = Arc::new(SqliteRecall::open_in_memory()?);
        let queues = Arc::new(SqliteQueues::open_in_memory()?);
        let broker = Arc::new(Mutex::new(Broker::default()));
        let vault = MemoryVault::default();
        let recall = Arc::new(SimRecall::new(Arc::clone(&found), shared.clone()));
        let ports = Ports {
            ledger: Arc::new(SimLedger {
                inner: Arc::clone(&ledger),
                shared: shared.clone(),
                forgotten: Default::default(),
            }),
            recall: recall.clone(),
            model: Arc::new(SimModel { inner: OfflineModel, shared: shared.clone() }),
            bus: Arc::new(SimBus { queues: queues.clone(), broker: broker.clone(), shared: shared.clone() }),
            fleet: Arc::new(SimFleet { broker: broker.clone() }),
            push: Arc::new(NoPush),
            vault: Arc::new(SimVault { inner: vault.clone(), shared: shared.clone() }),
            telemetry: Arc::new(SimTelemetry { inner: SqliteTelemetry::open_in_memory()?, shared: shared.clone() }),
            signer: Arc::new(signer(seed, &shared)),
        };
        let hub = Arc::new(Hub::new(ports.clone(), settings()?));
        let mut world = Self {
            seed,
            options,
            shared,
            dice: Dice::new(seed, "world"),
            agenda: BTreeMap::new(),
            scheduled: 0,
            verifier_key: wait(hub.verifier_key())?,
            hub: Some(hub),
            fallen: None,
            ports,
            ledger,
            queues,
            vault,
            recall,
            found,
            broker,
            satellites: BTreeMap::new(),
            residents: Vec::new(),
            spaces: SPACES.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
            tasks: BTreeMap::new(),
            work_at: BTreeMap::new(),
            dead: Default::default(),
            arrivals: BTreeMap::new(),
            counter: 0,
            calm: false,
            runtime,
        };
        world.found_household()?;
        Ok(world)
    }

    pub(super) fn caller(&mut self, person: Person) -> Caller {
        let n = self.next().to_string();
        Caller { person, request: DeliveryId::derive(&["request", &n]), now: self.now() }
    }

    fn found_household(&mut self) -> Result<(), Broken> {
        let hub = self.hub.clone().ok_or("there is no hub")?;
        let owner: PersonId = OWNER.parse()?;
        let token = self.secret();
        let ada = wait(hub.bootstrap(&owner, &Credential::Token(token.clone()), START))?;
        self.residents.push(Resident { id: owner, token });
        for (name, role) in RESIDENTS {
            let (id, token): (PersonId, _) = (name.parse()?, self.secret());
            let caller = self.caller(ada.clone());
            wait(hub.add_person(&caller, &id, name, role))?;
            let caller = self.caller(ada.clone());
            wait(hub.issue_token(&caller, &id, &token))?;
            self.residents.push(Resident { id, token });
        }
        for space in self.spaces.clone() {
            let caller = self.caller(ada.clone());
            wait(hub.add_space(&caller, &space, None))?;
        }
        if self.options.plant == Some(Plant::PolicyAllowsAll) {
            let caller = self.caller(ada.clone());
            wait(hub.set_policy(&caller, "@id(\"all\") permit (principal, action, resource);"))?;
        }
        let satellites = self.dice.range(1, NAMES.len() as u64) as usize;
        for (i, name) in NAMES.iter().take(satellites).enumerate() {
            let id: SatelliteId = name.parse()?;
            let space: Option<SpaceId> = self.spaces.get(i).cloned();
            // The badge is somebody's own, and in no space.
            let person = if *name == "badge" { Some("ben".parse()?) } else { None };
            let caller = self.caller(ada.clone());
            let (satellite, _) = wait(hub.add_satellite(&caller, &id, &Standing { space, person }))?;
            let satellite = Satellite::new(id.clone(), satellite.certificate_id, self.shared.clone())?;
            self.satellites.insert(id, satellite);
        }
        Ok(())
    }

    fn secret(&mut self) -> Secret {
        let mut bytes = [0; SECRET_BYTES];
        self.dice.fill(&mut bytes);
        Secret::from_bytes(bytes)
    }

    /// What goes on by itself from the start.
    pub(super) fn begin(&mut self) {
        self.shared.note(|| "the world begins".to_owned());
        for id in self.satellites.keys().cloned().collect::<Vec<_>>() {
            self.within(0, 2_000, Event::SatelliteStart(id.clone()));
            self.within(5_000, 15_000, Event::Line(id.clone()));
            self.within(5_000, 30_000, Event::Readings(id.clone()));
            self.within(20_000, 400_000, Event::SatelliteCrash(id));
        }
        self.within(3_000, 20_000, Event::Spell);
        self.within(20_000, 300_000, Event::HubCrash);
        self.within(500, 3_000, Event::Tick);
        self.within(500, 10_000, Event::Seal);
        self.within(5_000, 10_000, Event::Person);
        self.within(10_000, 60_000, Event::Forge);
    }
}
