//! Jobs. AWS IoT API Reference, `CreateJob`, `DescribeJob`, `ListJobs`, `UpdateJob`, `CancelJob`, `DeleteJob`,
//! `DescribeJobExecution`, `ListJobExecutionsForJob`, `ListJobExecutionsForThing`, `CancelJobExecution`, `DeleteJobExecution`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::Broker;
use crate::core::IotCore;
use crate::error::Error;
use crate::jobs::{self, Cancellation, Execution, ExecutionStatus, Job, JobFilter, JobId, JobUpdate, NewJob};
use crate::names::ThingName;
use crate::store::Tx;

impl IotCore {
    /// Creates a job, queues it for each of its targets and notifies them; one that exists and is the same is left as it is.
    ///
    /// # Errors
    /// [`Error::Job`], [`Error::NotFound`] for a target, [`Error::AlreadyExists`], [`Error::LimitExceeded`], [`Error::Store`].
    pub async fn create_job(&self, job: NewJob) -> Result<(), Error> {
        job.check()?;
        self.change_jobs(move |tx, broker| jobs::create(tx, broker, &job)).await
    }

    /// A job, if it exists.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn describe_job(&self, id: JobId) -> Result<Option<Job>, Error> {
        Ok(self.broker.store.read(move |connection| jobs::get(connection, &id)).await?)
    }

    /// How many things a job has in each status; one that was tried again counts as its last execution.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn job_progress(&self, id: JobId) -> Result<BTreeMap<ExecutionStatus, u64>, Error> {
        Ok(self.broker.store.read(move |connection| jobs::counts(connection, &id)).await?)
    }

    /// The jobs after the id `after` (empty for the first page), in the order of their ids, at most
    /// [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_jobs(&self, after: &str) -> Result<Vec<Job>, Error> {
        let after = after.to_owned();
        Ok(self.broker.store.read(move |connection| jobs::list(connection, &JobFilter::default(), &after)).await?)
    }

    /// Changes a job's description, and the time-out and retries that count from now on.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Job`], [`Error::Store`].
    pub async fn update_job(&self, id: JobId, update: JobUpdate) -> Result<(), Error> {
        self.change_jobs(move |tx, broker| jobs::update(tx.connection, &id, update, broker.clock.now_ms())).await
    }

    /// Calls a job off on the things where it is queued, and with force where it is in progress, too.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Job`], [`Error::InvalidState`] for a job that is completed, [`Error::Store`].
    pub async fn cancel_job(&self, id: JobId, cancellation: Cancellation) -> Result<(), Error> {
        self.change_jobs(move |tx, broker| jobs::cancel(tx, broker, &id, &cancellation)).await
    }

    /// Deletes a job with its executions: one that is completed or called off, and with `force` any.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InvalidState`], [`Error::Store`].
    pub async fn delete_job(&self, id: JobId, force: bool) -> Result<(), Error> {
        self.change_jobs(move |tx, broker| jobs::delete(tx, broker, &id, force)).await
    }

    /// The execution `number` of a job on a thing, or the last one, if it exists.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn describe_job_execution(
        &self,
        id: JobId,
        thing: ThingName,
        number: Option<u64>,
    ) -> Result<Option<Execution>, Error> {
        Ok(self.broker.store.read(move |connection| jobs::execution(connection, &id, &thing, number)).await?)
    }

    /// The last execution of a job on each thing after the thing `after` (empty for the first page), in the order of their
    /// names, at most [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_job_executions_for_job(&self, id: JobId, after: &str) -> Result<Vec<Execution>, Error> {
        let after = after.to_owned();
        Ok(self.broker.store.read(move |connection| jobs::of_job(connection, &id, None, &after)).await?)
    }

    /// The last execution on a thing of each job after the job `after` (empty for the first page), in the order of their ids,
    /// at most [`PAGE_ITEMS_MAX`](crate::limits::PAGE_ITEMS_MAX).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list_job_executions_for_thing(&self, thing: ThingName, after: &str) -> Result<Vec<Execution>, Error> {
        let after = after.to_owned();
        Ok(self.broker.store.read(move |connection| jobs::of_thing(connection, &thing, None, &after)).await?)
    }

    /// Calls a job off on one thing: where it is queued, and with `force` where it is in progress, too.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InvalidState`], [`Error::VersionConflict`], [`Error::StatusDetails`], [`Error::Store`].
    pub async fn cancel_job_execution(
        &self,
        id: JobId,
        thing: ThingName,
        force: bool,
        expected_version: Option<u64>,
        status_details: Option<BTreeMap<String, String>>,
    ) -> Result<(), Error> {
        self.change_jobs(move |tx, broker| {
            jobs::cancel_execution(tx, broker, (&id, &thing), force, expected_version, status_details)
        })
        .await
    }

    /// Deletes an execution that has ended, and with `force` any.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InvalidState`], [`Error::Store`].
    pub async fn delete_job_execution(
        &self,
        id: JobId,
        thing: ThingName,
        number: u64,
        force: bool,
    ) -> Result<(), Error> {
        self.change_jobs(move |tx, broker| jobs::delete_execution(tx, broker, (&id, &thing), number, force)).await
    }

    async fn change_jobs<F>(&self, change: F) -> Result<(), Error>
    where
        F: FnOnce(&mut Tx<'_>, &Arc<Broker>) -> Result<(), Error> + Send + 'static,
    {
        let broker = Arc::clone(&self.broker);
        self.broker.store.write(move |tx: &mut Tx<'_>| change(tx, &broker)).await
    }
}
