//! Our broker in a process of its own: this program again, with other arguments.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use futures_util::{StreamExt, TryStreamExt, stream};
use marvain_iotcore::{Clock, Config, Entropy, IotCore, Parts};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::Result;

/// Makes a data directory, with so many certificates.
pub(crate) const MAKE: &str = "make-certificates";
/// Serves a data directory until standard input ends; says first on which port.
pub(crate) const SERVE: &str = "serve";
/// In the data directory: pairs of certificate and key.
pub(crate) const DEVICES_FILE: &str = "devices.json";

/// Certificates that are made at once, for one commit to have several.
const MADE_AT_ONCE: usize = 128;

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/*"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": "arn:aws:iot:*:*:topic/bench/*"},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:*:*:topicfilter/bench/*"}
]}"#;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the benchmark is a composition root")]
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        since.as_millis() as u64
    }
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::expect_used, reason = "nothing can be measured without randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(bytes).expect("the system gives randomness");
    }
}

async fn open(data: &Path) -> Result<IotCore> {
    let parts = Parts { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy), hook: None, rules: Vec::new() };
    Ok(IotCore::open(Config::new(data), parts).await?)
}

pub(crate) async fn make(data: &Path, count: usize) -> Result<()> {
    let core = open(data).await?;
    core.put_policy("bench", POLICY).await?;
    let made: Vec<(String, String)> = stream::iter(0..count)
        .map(|_| async {
            let made = core.create_keys_and_certificate(true).await?;
            core.attach_policy("bench", made.certificate_id).await?;
            Ok::<_, marvain_iotcore::Error>((made.certificate_pem, made.private_key_pem))
        })
        .buffer_unordered(MADE_AT_ONCE)
        .try_collect()
        .await?;
    core.close().await?;
    fs::write(data.join(DEVICES_FILE), serde_json::to_vec(&made)?)?;
    Ok(())
}

pub(crate) async fn serve(data: &Path) -> Result<()> {
    let core = open(data).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;
    let stop = async {
        let _ended = tokio::io::stdin().read(&mut [0]).await;
    };
    core.serve(listener, stop).await?;
    Ok(core.close().await?)
}
