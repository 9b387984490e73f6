//! Whom jobs are for. A group stands for the things in it and in those below it: as they are when the job is created, and, if
//! the job is continuous, as they come and go. Developer Guide, "Key concepts of jobs" (continuous and snapshot) and "How job
//! configurations work" (thing group membership updates).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::Connection;

use super::changes::{end, end_quietly, notify};
use super::execution::End;
use super::{Execution, JobTarget, NewJob, job_rows, rows};
use crate::broker::Broker;
use crate::error::Error;
use crate::limits::{JOBS_MAX, PAGE_ITEMS_MAX};
use crate::names::ThingName;
use crate::registry::{groups, things};
use crate::store::{StoreError, Tx};

/// All targets must exist.
pub(super) fn require(connection: &Connection, targets: &[JobTarget]) -> Result<(), Error> {
    for target in targets {
        match target {
            JobTarget::Thing(thing) if things::get(connection, thing)?.is_none() => {
                return Err(Error::not_found("thing", thing.as_str()));
            }
            JobTarget::Thing(_) => {}
            JobTarget::Group(group) => groups::require(connection, group)?,
        }
    }
    Ok(())
}

/// The things that there are among the targets and in them, each once.
pub(super) fn things_of(connection: &Connection, targets: &[JobTarget]) -> Result<BTreeSet<ThingName>, StoreError> {
    let mut found = BTreeSet::new();
    for target in targets {
        match target {
            JobTarget::Thing(thing) => found.extend(things::get(connection, thing)?.map(|thing| thing.name)),
            JobTarget::Group(group) => {
                let mut after = String::new();
                loop {
                    let page = groups::things_in(connection, group, true, &after)?;
                    let is_last = page.len() < PAGE_ITEMS_MAX;
                    after = page.last().map(ToString::to_string).unwrap_or_default();
                    found.extend(page);
                    if is_last {
                        break;
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Queues a job for a thing that is a target from now on.
pub(super) fn join(tx: &mut Tx<'_>, broker: &Arc<Broker>, job: &NewJob, thing: ThingName) -> Result<(), StoreError> {
    let before = rows::next(tx.connection, &thing)?;
    let number = rows::execution(tx.connection, &job.id, &thing, None)?.map_or(1, |last| last.number + 1);
    if job.continuous {
        rows::add_member(tx.connection, &job.id, &thing, number)?;
    }
    let execution = Execution::queued(job.id.clone(), thing, number, broker.clock.now_ms());
    rows::insert(tx.connection, &execution)?;
    notify(tx, broker, &execution.thing, before.as_ref(), true)
}

/// A thing is no target of a continuous job any more.
fn leave(tx: &mut Tx<'_>, broker: &Arc<Broker>, job: &NewJob, thing: &ThingName) -> Result<(), StoreError> {
    rows::remove_member(tx.connection, &job.id, thing)?;
    match rows::execution(tx.connection, &job.id, thing, None)? {
        Some(last) if !last.status.is_terminal() => end(tx, broker, last, End::Removed),
        _ => Ok(()),
    }
}

/// A thing was deleted: nothing of any job is pending for it any more. API Reference, `JobProcessDetails`,
/// `numberOfRemovedThings`.
pub(crate) fn thing_deleted(tx: &mut Tx<'_>, broker: &Arc<Broker>, thing: &ThingName) -> Result<(), StoreError> {
    let max = usize::try_from(JOBS_MAX).unwrap_or(usize::MAX);
    let pending = rows::pending(tx.connection, thing, max)?;
    let Some(before) = pending.first().cloned() else { return rows::remove_from_all(tx.connection, thing) };
    for execution in pending {
        end_quietly(tx.connection, execution, End::Removed, broker.clock.now_ms())?;
    }
    rows::remove_from_all(tx.connection, thing)?;
    notify(tx, broker, thing, Some(&before), true)
}

/// Lets the continuous jobs follow their groups, if anything in the registry has changed since it last did: about `max` things
/// at once, the others the next time.
pub(crate) fn follow(tx: &mut Tx<'_>, broker: &Arc<Broker>, max: usize) -> Result<(), StoreError> {
    let epoch = broker.registry_epoch.load(Ordering::Acquire);
    if broker.jobs_epoch.load(Ordering::Acquire) == epoch {
        return Ok(());
    }
    let mut changed = 0;
    for job in job_rows::continuous(tx.connection)? {
        let targets = things_of(tx.connection, &job.targets)?;
        let members = rows::members(tx.connection, &job.id)?;
        for thing in targets.difference(&members).take(max) {
            join(tx, broker, &job, thing.clone())?;
            changed += 1;
        }
        for thing in members.difference(&targets).take(max) {
            leave(tx, broker, &job, thing)?;
            changed += 1;
        }
        if changed >= max {
            return Ok(());
        }
    }
    let broker = Arc::clone(broker);
    tx.after_commit(move || broker.jobs_epoch.store(epoch, Ordering::Release));
    Ok(())
}
