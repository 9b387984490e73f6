//! `marvain iotcore`: the embedded IoT Core alone, for devices that know AWS IoT and for AWS's own tools. No hub, no satellites.

mod credentials;
mod things;

use crate::{embedded::System, error::CliError, globals::Globals};
use clap::Args;
use marvain_iotcore::{AccessKey, Config, IotCore, Parts, names::ThingName};
use serde::Serialize;
use std::{
    io::Write as _,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

/// Arguments of `iotcore`.
#[derive(Args)]
pub(crate) struct IotCoreArgs {
    /// Address for devices, MQTT over TLS; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:8883", value_name = "ADDRESS")]
    mqtt: SocketAddr,
    /// Address of AWS's REST APIs, HTTPS; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDRESS")]
    https: SocketAddr,
    /// Name or address that clients reach it by, besides localhost; may be given several times
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// A thing to make, unless it is there, with a certificate that may use the thing's own topics; may be given several times
    #[arg(long = "thing", value_name = "NAME")]
    things: Vec<ThingName>,
    /// Region in the ARNs of policies, and that requests are signed for
    #[arg(long, default_value = "local", value_name = "REGION")]
    region: String,
    /// Account in the ARNs of policies
    #[arg(long, default_value = "000000000000", value_name = "DIGITS")]
    account: String,
    /// How long persistent sessions outlive their connections
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = crate::commands::duration_s)]
    session_expiry: u64,
    /// Impose AWS's limits per second
    #[arg(long)]
    aws_rates: bool,
    /// Keep client ids that are names of things for the things' own certificates
    #[arg(long)]
    exclusive_client_ids: bool,
}

/// What it says when it is ready.
#[derive(Serialize)]
struct Running {
    ready: bool,
    mqtt: String,
    https: String,
    root_ca: PathBuf,
    aws_config: PathBuf,
    aws_credentials: PathBuf,
    things: Vec<things::Bundle>,
}

pub(crate) async fn run(args: IotCoreArgs, globals: &Globals) -> Result<(), CliError> {
    let data = data(globals)?;
    let system = System::new().map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (mqtt, mqtt_address) = listen("mqtt", args.mqtt).await?;
    let (https, https_address) = listen("https", args.https).await?;
    let (mut hosts, host) = (args.hosts, reached_by(https_address.ip()));
    hosts.extend(
        [mqtt_address.ip(), https_address.ip()].iter().filter(|ip| !ip.is_unspecified()).map(IpAddr::to_string),
    );
    let config = Config {
        session_expiry_s: args.session_expiry,
        exclusive_client_ids: args.exclusive_client_ids,
        aws_rates: args.aws_rates,
        region: args.region.clone(),
        account: args.account,
        hosts,
        ..Config::new(data.join("iot"))
    };
    let parts =
        Parts { clock: Arc::new(system.clone()), entropy: Arc::new(system.clone()), hook: None, rules: Vec::new() };
    let core = IotCore::open(config, parts).await.map_err(failed)?;

    let root_ca = data.join("iot").join("ca").join("root-ca.pem");
    let endpoint = format!("https://{host}:{}", https_address.port());
    let (key, files) = credentials::prepare(&data, &system, &args.region, &endpoint, &root_ca)?;
    let mut bundles = Vec::new();
    for thing in args.things {
        bundles.push(things::prepare(&core, &data, thing).await?);
    }

    let (stop, stopping) = watch::channel(false);
    let mut serving = JoinSet::new();
    serving.spawn(serve_mqtt(core.clone(), mqtt, stopping.clone()));
    serving.spawn(serve_https(core.clone(), https, key, stopping));
    say_ready(
        &Running {
            ready: true,
            mqtt: mqtt_address.to_string(),
            https: https_address.to_string(),
            root_ca,
            aws_config: files.config,
            aws_credentials: files.credentials,
            things: bundles,
        },
        globals,
    )?;
    let ended = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        ended = serving.join_next() => ended,
    };
    stop.send_replace(true);
    let mut outcome = ended.map_or(Ok(()), |ended| ended.map_err(failed)?);
    while let Some(ended) = serving.join_next().await {
        outcome = outcome.and(ended.map_err(failed)?);
    }
    core.close().await.map_err(failed)?;
    outcome
}

/// Where its data are: beside the hub's, unless somebody says where. Absolute, because its files name each other.
fn data(globals: &Globals) -> Result<PathBuf, CliError> {
    let data = globals.data_dir()?;
    let data = if globals.data.is_some() { data } else { data.with_file_name("marvain-iotcore") };
    std::path::absolute(data).map_err(failed)
}

/// The host that this machine's own clients reach a listener by.
fn reached_by(ip: IpAddr) -> String {
    match ip {
        ip if ip.is_loopback() || ip.is_unspecified() => "localhost".into(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

async fn listen(what: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), CliError> {
    let cannot = |error| {
        CliError::failure(format!("cannot listen on {address} for {what}"))
            .hint(format!("is it in use? `--{what} 127.0.0.1:0` picks a free port"))
            .because(error)
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    Ok((listener, bound))
}

async fn told(mut stopping: watch::Receiver<bool>) {
    // Whether it is told, or the one who would tell is gone.
    drop(stopping.wait_for(|stop| *stop).await);
}

async fn serve_mqtt(core: IotCore, listener: TcpListener, stopping: watch::Receiver<bool>) -> Result<(), CliError> {
    core.serve(listener, told(stopping)).await.map_err(failed)
}

async fn serve_https(
    core: IotCore,
    listener: TcpListener,
    key: AccessKey,
    stopping: watch::Receiver<bool>,
) -> Result<(), CliError> {
    core.serve_https(listener, vec![key], told(stopping)).await.map_err(failed)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> CliError {
    CliError::failure("the IoT Core does not run").because(error)
}

fn say_ready(running: &Running, globals: &Globals) -> Result<(), CliError> {
    let text = if globals.json { serde_json::to_string(running).map_err(failed)? } else { human(running) };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(failed)
}

fn human(running: &Running) -> String {
    let mut text = format!(
        "the IoT Core is up\n  devices    mqtts://{}\n  operators  https://{}\n  root CA    {}\n",
        running.mqtt,
        running.https,
        running.root_ca.display()
    );
    for things::Bundle { thing, directory } in &running.things {
        text.push_str(&format!("  thing      {thing}: {}\n", directory.display()));
    }
    text.push_str(&format!(
        "\nStop with Ctrl-C. AWS's tools manage it from another terminal:\n  export AWS_CONFIG_FILE={} AWS_SHARED_CREDENTIALS_FILE={}\n  aws iot list-things",
        running.aws_config.display(),
        running.aws_credentials.display()
    ));
    text
}
