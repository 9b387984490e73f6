//! The client of a running hub's API: finds the hub by its data directory, or is told where it is, asks with a token, reads
//! typed answers.
//!
//! It decides nothing, and asks again only where the hub says that it has done nothing because a database wakes up: every refusal
//! is the hub's.

mod calls;

use crate::{
    error::{CliError, Exit},
    globals::{Globals, shown},
    output::progress,
};
use indicatif::ProgressBar;
use marvain_console::{
    error::{ErrorBody, WAKING},
    page::List,
};
use marvain_local::holder;
use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{self, Instant};

/// Longest that connecting may take, in seconds.
const CONNECT_TIMEOUT_S: u64 = 5;
/// Longest that an ordinary request may take, in seconds; a little longer than the hub gives itself.
const TIMEOUT_S: u64 = marvain_console::REQUEST_TIMEOUT_S + 5;
/// Longest that verifying or backing up may take, in seconds.
const LONG_TIMEOUT_S: u64 = marvain_console::LONG_REQUEST_TIMEOUT_S + 5;
/// Longest that somebody waits for a database that wakes up, in seconds: it takes 15, and 30 or more after a day at rest (Aurora
/// user guide, "Scaling to Zero ACUs with automatic pause and resume").
const WAKING_S_MAX: u64 = 120;
/// How long after being told so the hub is asked again, in seconds.
const WAKING_PAUSE_S: u64 = 3;
/// Largest answer in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most items that are gathered of a list that is asked for as a whole.
const WHOLE_LIST_MAX: usize = 100_000;

/// What a running hub says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct RunningHub {
    /// Address of the API.
    http: String,
    /// Its process, as the data directory's lock names it too.
    pid: u32,
}

/// A hub that runs elsewhere, and what it is asked with.
#[derive(Clone)]
pub(crate) struct Remote {
    /// URL of its API, without the version.
    pub(crate) api: Url,
    /// The token.
    pub(crate) token: String,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("api", &self.api.as_str()).finish_non_exhaustive()
    }
}

/// Where a hub is.
enum Place {
    /// On this machine, with its data here.
    Data(PathBuf),
    /// Elsewhere.
    Remote,
}

/// A hub that runs, and who asks it.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    token: String,
    place: Place,
    /// How whoever waits is told.
    globals: Globals,
}

/// Nothing to send, or nothing to ask for.
pub(crate) const NOTHING: &[(&str, &str)] = &[];

impl Client {
    /// The hub elsewhere, if one is meant; else the one that runs on the data directory.
    pub(crate) fn connect(globals: &Globals) -> Result<Self, CliError> {
        if let Some(Remote { api, token }) = &globals.remote {
            let base = api.as_str().trim_end_matches('/');
            let base = Url::parse(&format!("{base}/v1/"));
            let base = base.map_err(|e| CliError::failure("the hub's address is none").because(e))?;
            return Self::new(base, token.clone(), Place::Remote, globals);
        }
        let data = globals.data_dir()?;
        let file = globals.running_file()?;
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(absent(&data)),
            Err(error) => return Err(CliError::failure(format!("cannot read `{}`", shown(&file))).because(error)),
        };
        let damaged = || CliError::failure(format!("`{}` does not say where the hub listens", shown(&file)));
        let running: RunningHub = serde_json::from_str(&text).map_err(|e| damaged().because(e))?;
        // What a hub that was killed has left says where somebody else may listen by now: no token goes there.
        let unknown =
            |e| CliError::failure(format!("it cannot be told whether a hub runs on `{}`", shown(&data))).because(e);
        if holder(&data).map_err(unknown)? != Some(running.pid) {
            return Err(absent(&data));
        }
        let base = Url::parse(&format!("http://{}/v1/", running.http)).map_err(|_| damaged())?;
        let credential = globals.credential_file()?;
        let token = fs::read_to_string(&credential).map_err(|e| {
            CliError::new(Exit::Refused, format!("cannot read the credential `{}`", shown(&credential)))
                .because(e)
                .hint("ask with a token of your own: `--credential FILE`; an owner makes one by `marvain person token`")
        })?;
        Self::new(base, token.trim().to_owned(), Place::Data(data), globals)
    }

    fn new(base: Url, token: String, place: Place, globals: &Globals) -> Result<Self, CliError> {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none());
        // Nothing stands between a command and a hub on the same machine.
        let http = if matches!(place, Place::Data(_)) { http.no_proxy() } else { http };
        let http = http
            .connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_S))
            .timeout(Duration::from_secs(TIMEOUT_S))
            .build()
            .map_err(|e| CliError::failure("cannot make HTTP requests").because(e))?;
        Ok(Self { http, base, token, place, globals: globals.clone() })
    }

    /// The URL of the path that these segments make, each quoted.
    fn url(&self, segments: &[&str]) -> Result<Url, CliError> {
        let mut url = self.base.clone();
        let mut path = url.path_segments_mut().map_err(|()| CliError::failure("the hub's address is no base"))?;
        path.pop_if_empty().extend(segments);
        drop(path);
        Ok(url)
    }

    fn request(&self, method: Method, segments: &[&str]) -> Result<RequestBuilder, CliError> {
        Ok(self.http.request(method, self.url(segments)?).bearer_auth(&self.token))
    }

    /// What the hub answers in the end: as long as a database wakes up it has done nothing, and is asked the same again.
    async fn answer(&self, mut request: RequestBuilder) -> Result<Vec<u8>, CliError> {
        let began = Instant::now();
        let mut shown = None;
        loop {
            let again = request.try_clone();
            match (self.once(request).await, again) {
                (Err(error), Some(again))
                    if error.code() == WAKING && began.elapsed() < Duration::from_secs(WAKING_S_MAX) =>
                {
                    shown.get_or_insert_with(|| progress::spinner(&self.globals, "the hub's database wakes up"));
                    time::sleep(Duration::from_secs(WAKING_PAUSE_S)).await;
                    request = again;
                }
                (answer, _) => {
                    shown.iter().for_each(ProgressBar::finish_and_clear);
                    return answer;
                }
            }
        }
    }

    async fn once(&self, request: RequestBuilder) -> Result<Vec<u8>, CliError> {
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                return self.unreachable().because(error.without_url());
            }
            CliError::failure("the hub does not answer").because(error.without_url()).hint("see the hub's log")
        })?;
        let status = response.status();
        let bytes = bounded(response).await?;
        if status.is_success() {
            return Ok(bytes);
        }
        let unknown = || match &self.place {
            // What stands before the hub refuses in its own words.
            Place::Remote if matches!(status.as_u16(), 401 | 403) => {
                CliError::new(Exit::Refused, format!("the hub's gateway answers {status}")).hint("`marvain login`")
            }
            _ => CliError::failure(format!("the hub answers {status}")).hint("is it another version?"),
        };
        Err(serde_json::from_slice::<ErrorBody>(&bytes)
            .map_or_else(|_| unknown(), |body| CliError::answered(body.error)))
    }

    fn unreachable(&self) -> CliError {
        match &self.place {
            Place::Data(data) => absent(data),
            Place::Remote => {
                let host = self.base.host_str().unwrap_or_default();
                CliError::new(Exit::NoHub, format!("no hub answers at `{host}`"))
                    .hint("`marvain monitor status` says how the stacks are")
            }
        }
    }

    async fn typed<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CliError> {
        let bytes = self.answer(request).await?;
        let foreign = |e| CliError::failure("the hub answers something else than was asked for").because(e);
        serde_json::from_slice(&bytes).map_err(|e: serde_json::Error| foreign(e).hint("is it another version?"))
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], params: &impl Params) -> Result<T, CliError> {
        self.typed(self.request(Method::GET, path)?.query(params)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &(impl Serialize + Sync + ?Sized),
    ) -> Result<T, CliError> {
        self.typed(self.request(method, path)?.json(body)).await
    }

    async fn long<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, CliError> {
        self.typed(self.request(Method::POST, path)?.timeout(Duration::from_secs(LONG_TIMEOUT_S))).await
    }
}

/// What can stand behind a `?`.
pub(crate) trait Params: Serialize + Sync {}

impl<T: Serialize + Sync> Params for T {}

fn absent(data: &Path) -> CliError {
    let data = shown(data);
    CliError::new(Exit::NoHub, format!("no hub runs on `{data}`"))
        .hint(format!("start it with `marvain up --data {data}`"))
}

/// Gives all pages of a list to `each`, one after the other.
pub(crate) async fn pages<T>(
    mut page: impl AsyncFnMut(Option<String>) -> Result<List<T>, CliError>,
    mut each: impl AsyncFnMut(Vec<T>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut after = None;
    loop {
        let List { items, next } = page(after.clone()).await?;
        each(items).await?;
        match next {
            None => return Ok(()),
            next if next == after => return Err(CliError::failure("the hub's list does not go on where it says")),
            next => after = next,
        }
    }
}

/// All pages of a list, at most [`WHOLE_LIST_MAX`] items.
pub(crate) async fn whole<T>(
    page: impl AsyncFnMut(Option<String>) -> Result<List<T>, CliError>,
) -> Result<Vec<T>, CliError> {
    let mut all = Vec::new();
    pages(page, async |items| {
        all.extend(items);
        if all.len() <= WHOLE_LIST_MAX {
            return Ok(());
        }
        Err(CliError::failure(format!("the list has more than {WHOLE_LIST_MAX} items")))
    })
    .await?;
    Ok(all)
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let broken = |e: reqwest::Error| CliError::failure("the hub's answer broke off").because(e.without_url());
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(CliError::failure(format!("the hub's answer has more than {ANSWER_BYTES_MAX} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_path_stays_in_its_segment() {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let base = Url::parse("http://127.0.0.1:1/v1/").unwrap();
        let client = Client::new(base, String::new(), Place::Remote, &Globals::default()).unwrap();
        let url = client.url(&["queues", "../people?x", "redrive"]).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:1/v1/queues/..%2Fpeople%3Fx/redrive");
    }

    #[test]
    fn without_a_run_file_no_hub_runs() {
        let data = tempfile::tempdir().unwrap();
        let globals = Globals { data: Some(data.path().to_owned()), ..Globals::default() };
        let error = Client::connect(&globals).err().unwrap();
        assert_eq!(error.exit(), Exit::NoHub);
        assert_eq!(error.to_string(), format!("no hub runs on `{}`", data.path().display()));
    }

    #[test]
    fn where_a_killed_hub_listened_nobody_is_asked() {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let data = tempfile::tempdir().unwrap();
        let globals = Globals { data: Some(data.path().to_owned()), ..Globals::default() };
        for dir in ["run", "credentials"] {
            fs::create_dir(data.path().join(dir)).unwrap();
        }
        fs::write(data.path().join("credentials/owner.token"), "token").unwrap();
        let says = |pid: u32| {
            let running = serde_json::json!({"http": "127.0.0.1:1", "pid": pid});
            fs::write(data.path().join("run/hub.json"), running.to_string()).unwrap();
        };
        let lock = fs::File::create(data.path().join("hub.lock")).unwrap();
        fs::write(data.path().join("hub.lock"), "17\n").unwrap();
        let refused = || Client::connect(&globals).err().map(|error| error.exit());
        says(17);
        assert_eq!(refused(), Some(Exit::NoHub), "nobody holds the lock");
        lock.lock().unwrap();
        assert_eq!(refused(), None);
        says(16);
        assert_eq!(refused(), Some(Exit::NoHub), "somebody else holds it");
    }

    #[tokio::test]
    async fn a_list_has_as_many_pages_as_it_has() {
        let numbers = async |after: Option<String>| {
            let from: usize = after.map_or(0, |after| after.parse().unwrap());
            let to = from + 1000;
            Ok(List { items: (from..to).collect(), next: (to < 2 * WHOLE_LIST_MAX).then(|| to.to_string()) })
        };
        let mut seen = 0;
        let gone = pages(numbers, async |page: Vec<usize>| {
            assert_eq!(page.first(), Some(&seen));
            seen += page.len();
            Ok(())
        });
        gone.await.unwrap();
        assert_eq!(seen, 2 * WHOLE_LIST_MAX);
        assert!(whole(numbers).await.is_err(), "what is kept in memory has a limit");
        let stuck = async |_| Ok(List { items: vec![1], next: Some("1".to_owned()) });
        assert!(whole(stuck).await.is_err());
    }
}
