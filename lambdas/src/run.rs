//! What the program does: the hub is composed once, at the cold start, for the function that the handler names, and then meets
//! one invocation after the other.
//!
//! A panic unwinds to the runtime, which reports it as the function's error and takes the next event: that is why this
//! profile does not abort.

use crate::{
    Function, System, TimeLeft, api, audit,
    batch::Worker,
    compose::{self, Composition},
    emf::{self, Metric},
    hook, log,
    settings::Settings,
    tick::Upkeep,
};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use marvain_domain::chain;
use serde_json::Value;
use std::{process::ExitCode, sync::Arc};

/// Lambda's own variable with what is configured as the function's handler (AWS Lambda, "Defined runtime environment
/// variables").
const HANDLER: &str = "_HANDLER";

/// Runs a function until Lambda ends it.
pub fn run() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    log::init(variable(log::LEVEL).as_deref());
    // The first provider stays; there is no other before this one.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    // Below 1,769 MB a function has less than one CPU, and it has one invocation at a time: a second thread has nothing to do.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let handler = variable(HANDLER).unwrap_or_default();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(serve(&handler, variable)),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(function = handler, error = chain(error.as_ref()), "the function does not start");
            ExitCode::FAILURE
        }
    }
}

async fn serve(handler: &str, variable: impl Fn(&str) -> Option<String>) -> Result<(), Error> {
    let function = Function::from_name(handler)?;
    let settings = Arc::new(Settings::parse(variable)?);
    let system = System::new()?;
    let Composition { hub, operations } = compose::compose(function, &settings, system).await?;
    match function {
        Function::Api => {
            let (hosts, clock, entropy) = (settings.api_hosts.clone(), system.clock(), system.entropy());
            let api = marvain_console::Api { hub, operations, hosts, clock, entropy };
            lambda_http::run(api::service(api)).await
        }
        Function::ProvisioningHook => {
            let decide = |event: LambdaEvent<Value>| {
                let hub = hub.clone();
                async move { Ok::<_, Error>(hook::decide(&hub, event.payload, system.now()).await) }
            };
            lambda_runtime::run(service_fn(decide)).await
        }
        Function::Tick => {
            let upkeep = Arc::new(Upkeep::default());
            let tick = |_: LambdaEvent<Value>| {
                let (hub, upkeep) = (hub.clone(), upkeep.clone());
                async move {
                    let began = system.now();
                    let values = upkeep.run(&hub, began).await?;
                    measured(function, system, began.as_ms(), values);
                    Ok::<_, Error>(())
                }
            };
            lambda_runtime::run(service_fn(tick)).await
        }
        Function::Audit => {
            let seal = |event: LambdaEvent<Value>| {
                let hub = hub.clone();
                async move {
                    let began = system.now();
                    let values = audit::run(&hub, TimeLeft::until(event.context.deadline, began)).await?;
                    measured(function, system, began.as_ms(), values);
                    Ok::<_, Error>(())
                }
            };
            lambda_runtime::run(service_fn(seal)).await
        }
        _ => {
            let worker = Arc::new(Worker { hub, settings, function, system });
            let work = |event: LambdaEvent<SqsEvent>| {
                let worker = worker.clone();
                async move {
                    let LambdaEvent { payload, context } = event;
                    let left = TimeLeft::until(context.deadline, system.now());
                    Ok::<_, Error>(worker.work(payload, left, context.xray_trace_id.as_deref()).await?)
                }
            };
            lambda_runtime::run(service_fn(work)).await
        }
    }
}

fn measured(function: Function, system: System, began_ms: u64, mut values: Vec<(Metric, u64)>) {
    let now = system.now();
    values.push((Metric::Duration, now.as_ms().saturating_sub(began_ms)));
    emf::emit(now, function.name(), None, &values);
}
