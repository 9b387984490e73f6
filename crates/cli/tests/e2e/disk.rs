//! A hub that cannot write: the limit on the size of a file (`RLIMIT_FSIZE`) stands for a disk that is full.

use crate::support::{Hub, items, marvain, until};
use std::{path::Path, process::Command, rc::Rc};

/// Largest file of the limited hub, in the blocks of 512 bytes that POSIX counts `ulimit -f` in.
const BLOCKS: u32 = 1200;
/// By then the write-ahead logs have grown to the limit.
const EVENTS_MAX: usize = 200;

/// `marvain up` with files that grow no further: writes fail, as the signal that comes with it is ignored.
fn limited(dir: &Path) -> Command {
    let mut command = Command::new("sh");
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("HOME", dir).env("PATH", path);
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {BLOCKS}; exec \"$0\" \"$@\"")]);
    command.arg(marvain(dir).get_program()).args(["up", "--json", "--time-zone", "UTC", "--data"]);
    command.arg(dir.join("data"));
    command
}

#[test]
fn what_was_acknowledged_before_the_disk_was_full_is_there_when_it_is_not() {
    let dir = Rc::new(tempfile::tempdir().unwrap());
    let mut hub = Hub::start_in(&dir, ["127.0.0.1:0", "127.0.0.1:0"], limited);
    hub.ask(&["space", "add", "den"]);
    hub.ask(&["satellite", "add", "pi", "--space", "den", "--out", "@pi"]);
    let mut acknowledged = 0;
    while hub.run(&["satellite", "publish", "--identity", "@pi", "--text", "remember that it is so"]).code == Some(0) {
        acknowledged += 1;
        assert!(acknowledged < EVENTS_MAX, "the limit does nothing");
    }
    assert!(acknowledged > 0);
    until("the hub to say so", || hub.log().contains("disk I/O error").then_some(()));
    // Each file has its own room; what cannot be kept in the ledger's is not taken, either.
    let is_refused = |number: usize| hub.run(&["space", "add", &format!("hall-{number}")]).code != Some(0);
    assert!((0..EVENTS_MAX).any(is_refused), "the limit does nothing to the ledger");
    hub.stop();

    let hub = hub.again();
    hub.await_answer(&["memory", "list", "--state", "candidate", "--limit", "200"], |list| {
        items(list).len() >= acknowledged
    });
    hub.await_answer(&["status"], |status| status["deliveries"] == 0 && status["audit_waiting"] == 0);
    let kept = items(&hub.ask(&["memory", "list", "--state", "candidate", "--limit", "200"])).len();
    assert!(
        kept <= acknowledged + 1,
        "{kept} of {acknowledged}: only the last may have been kept and not acknowledged"
    );
    assert_eq!(hub.ask(&["audit", "verify"])["intact"], true);
    hub.ask(&["satellite", "publish", "--identity", "@pi", "--text", "remember that there is room again"]);
}
