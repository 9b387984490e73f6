//! The spool on real files: crashes, damage, bounds.

use super::*;
use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

const SMALL: u64 = crate::config::SPOOL_BYTES_MIN;

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self, bytes_max: u64) -> (Spool, Found) {
        Spool::open(self.0.path(), bytes_max).unwrap()
    }

    /// Files whose name contains `part`, in order.
    fn files(&self, part: &str) -> Vec<PathBuf> {
        let mut all: Vec<_> = std::fs::read_dir(self.0.path()).unwrap().map(|file| file.unwrap().path()).collect();
        all.retain(|path| path.to_string_lossy().contains(part));
        all.sort();
        all
    }

    fn bytes(&self) -> u64 {
        self.files(".log").iter().map(|path| path.metadata().unwrap().len()).sum()
    }
}

fn record(channel: Channel, text: &str) -> Record {
    let payload = serde_json::value::to_raw_value(&serde_json::json!({ "text": text })).unwrap();
    Record { channel, payload, position: None }
}

fn append(spool: &mut Spool, record: Record) -> Result<u64, NotStored> {
    let stored: [_; 1] = spool.append(&[record]).try_into().unwrap();
    stored[0]
}

fn say(spool: &mut Spool, text: &str) -> Result<u64, NotStored> {
    append(spool, record(Channel::Transcript, text))
}

fn measure(spool: &mut Spool, text: &str) -> Result<u64, NotStored> {
    append(spool, record(Channel::Telemetry, text))
}

/// Texts behind `after`, fetched a few at a time.
fn texts(spool: &mut Spool, lane: Lane, mut after: u64) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let entries = spool.fetch(lane, after, 7).unwrap();
        let Some(last) = entries.last() else { return all };
        assert!(entries.first().unwrap().seq > after && entries.is_sorted_by_key(|entry| entry.seq));
        after = last.seq;
        all.extend(entries.iter().map(|entry| {
            serde_json::from_str::<serde_json::Value>(entry.payload.get()).unwrap()["text"].as_str().unwrap().to_owned()
        }));
    }
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[test]
fn entries_come_back_in_order_after_a_restart_and_go_when_removed() {
    let dir = Dir::new();
    let (mut spool, found) = dir.open(SMALL);
    assert!(found.faults.is_empty());
    for text in numbers(0..500) {
        say(&mut spool, &text).unwrap();
    }
    assert_eq!(texts(&mut spool, Lane::Events, 0), numbers(0..500));
    assert!(dir.files("events").len() > 3, "in several segments");
    spool.remove(Lane::Events, 123).unwrap();
    drop(spool);
    let (mut spool, _) = dir.open(SMALL);
    assert_eq!(spool.bounds(Lane::Events), (123, 500));
    assert_eq!(texts(&mut spool, Lane::Events, 123), numbers(123..500));
    assert_eq!(say(&mut spool, "500"), Ok(501));
    spool.remove(Lane::Events, 501).unwrap();
    assert_eq!(dir.files("events").len(), 1);
    drop(spool);
    let (mut spool, _) = dir.open(SMALL);
    assert_eq!(spool.bounds(Lane::Events), (501, 501), "places are never used twice");
    assert!(dir.bytes() < 200, "nothing of what was sent is left");
    assert_eq!(say(&mut spool, "x"), Ok(502));
}

#[test]
fn what_was_not_made_durable_may_go_and_nothing_else() {
    let dir = Dir::new();
    let (mut spool, _) = dir.open(SMALL);
    for text in numbers(0..20) {
        say(&mut spool, &text).unwrap();
    }
    drop(spool);
    let path = dir.files("events").pop().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let last_frame = whole.windows(4).rposition(|bytes| bytes == b"mrv1").unwrap();
    for cut in last_frame..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (mut spool, found) = dir.open(SMALL);
        assert!(found.faults.is_empty(), "a crash is no damage");
        assert_eq!(texts(&mut spool, Lane::Events, 0), numbers(0..19), "cut at {cut}");
        assert_eq!(say(&mut spool, "again"), Ok(20));
        std::fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_damaged_segment_is_kept_aside_and_the_rest_of_it_is_sent() {
    let dir = Dir::new();
    let (mut spool, _) = dir.open(SMALL);
    for text in numbers(0..300) {
        say(&mut spool, &text).unwrap();
    }
    drop(spool);
    let paths = dir.files("events");
    // Also the frame that begins a segment: the lane's state must survive.
    for (path, at) in [(&paths[0], 300_u64), (&paths[1], 20)] {
        let mut file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.seek(SeekFrom::Start(at)).unwrap();
        file.read_exact(&mut byte).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[byte[0] ^ 0xff]).unwrap();
    }
    let damaged = std::fs::read(&paths[0]).unwrap();
    let (mut spool, found) = dir.open(SMALL);
    assert_eq!(found.faults.len(), 2, "{:?}", found.faults);
    assert!(found.faults[0].contains(".corrupt"));
    assert_eq!(std::fs::read(&dir.files(".corrupt")[0]).unwrap(), damaged);
    assert_eq!(texts(&mut spool, Lane::Events, 0).len(), 299);
    assert_eq!(say(&mut spool, "x"), Ok(301));
    drop(spool);
    assert!(dir.open(SMALL).1.faults.is_empty(), "reported once");
    assert_eq!(dir.files(".corrupt").len(), 2);
}

#[test]
fn the_oldest_readings_go_first_and_are_counted_and_events_stay() {
    let dir = Dir::new();
    let (mut spool, _) = dir.open(SMALL);
    let (mut measured, mut said) = (0, 0);
    let filler = "x".repeat(200);
    for n in 0..4000 {
        if n % 2 == 0 {
            measure(&mut spool, &format!("{n} {filler}")).unwrap();
            measured += 1;
        }
        if n % 20 == 0 {
            say(&mut spool, &n.to_string()).unwrap();
            said += 1;
        }
        assert!(spool.usage().bytes <= SMALL && spool.usage().bytes == dir.bytes(), "entry {n}");
    }
    let removed = spool.telemetry.bounds().0;
    let kept = texts(&mut spool, Lane::Telemetry, removed);
    assert!(kept.last().unwrap().starts_with("3998 "), "the newest are there");
    assert_eq!(kept.len() as u64 + spool.usage().dropped_telemetry, measured);
    assert_eq!(texts(&mut spool, Lane::Events, 0).len(), said);
    let usage = spool.usage();
    drop(spool);
    assert_eq!(dir.open(SMALL).0.usage(), usage, "the count survives");
}

#[test]
fn a_spool_full_of_events_takes_reports_only() {
    let dir = Dir::new();
    let (mut spool, _) = dir.open(SMALL);
    measure(&mut spool, "old").unwrap();
    let filler = "x".repeat(1000);
    let mut stored = 0;
    while say(&mut spool, &filler).is_ok() {
        stored += 1;
    }
    assert_eq!(spool.usage().dropped_telemetry, 1);
    assert_eq!(measure(&mut spool, &filler), Err(NotStored::Full));
    assert_eq!(spool.usage().dropped_telemetry, 2);
    assert!(append(&mut spool, record(Channel::Report, "done")).is_ok());
    assert_eq!(texts(&mut spool, Lane::Events, 0).len(), stored + 1);
    spool.remove(Lane::Events, stored as u64 / 2).unwrap();
    assert!(say(&mut spool, &filler).is_ok(), "room comes back");
}

#[test]
fn positions_of_inputs_are_stored_with_the_line_and_outlive_it() {
    let dir = Dir::new();
    let (mut spool, _) = dir.open(SMALL);
    for offset in 1..=200 {
        let position = Position { input: "log".into(), device: 1, inode: 2, offset };
        let said = record(Channel::Transcript, &"x".repeat(300));
        let seq = append(&mut spool, Record { position: Some(position), ..said }).unwrap();
        assert_eq!(spool.positions()["log"].offset, offset);
        spool.remove(Lane::Events, seq).unwrap();
    }
    drop(spool);
    assert_eq!(dir.open(SMALL).0.positions()["log"].offset, 200);
}

#[test]
fn a_disk_that_refuses_loses_nothing_and_is_used_again() {
    let dir = Dir::new();
    let (mut spool, _) = dir.open(SMALL);
    say(&mut spool, "0").unwrap();
    // Writing to a file that is open for reading only fails, like writing to a full disk.
    spool.events.break_tail(File::open(dir.files("events").pop().unwrap()).unwrap());
    let both = ["lost", "overtakes"].map(|text| record(Channel::Transcript, text));
    assert_eq!(spool.append(&both), [Err(NotStored::Disk); 2]);
    assert_eq!(say(&mut spool, "1"), Ok(2));
    assert_eq!(texts(&mut spool, Lane::Events, 0), ["0", "1"]);
    drop(spool);
    let (mut spool, found) = dir.open(SMALL);
    assert!(found.faults.is_empty());
    assert_eq!(texts(&mut spool, Lane::Events, 0), ["0", "1"]);
}

/// A file that takes every write and fails every fsync.
fn never_durable() -> File {
    OpenOptions::new().append(true).open("/dev/null").unwrap()
}

#[test]
fn readings_that_cannot_be_made_durable_are_counted_and_events_are_stored_all_the_same() {
    let dir = Dir::new();
    let (mut spool, _) = dir.open(SMALL);
    measure(&mut spool, "0").unwrap();
    spool.telemetry.break_tail(never_durable());
    let [one, said, two] = [(Channel::Telemetry, "1"), (Channel::Transcript, "a"), (Channel::Telemetry, "2")]
        .map(|(c, text)| record(c, text));
    assert_eq!(spool.append(&[one, said, two]), [Err(NotStored::Disk), Ok(1), Err(NotStored::Disk)]);
    assert_eq!(spool.usage().dropped_telemetry, 2);
    assert_eq!(measure(&mut spool, "3"), Ok(4));
    assert_eq!(texts(&mut spool, Lane::Telemetry, 0), ["0", "3"]);
    assert_eq!(texts(&mut spool, Lane::Events, 0), ["a"]);
    assert!(spool.telemetry.drop_oldest().unwrap());
    assert_eq!(texts(&mut spool, Lane::Telemetry, 0), ["3"]);
    assert_eq!(spool.usage().dropped_telemetry, 3, "what was counted once is not counted again");
    let usage = spool.usage();
    drop(spool);
    assert_eq!(dir.open(SMALL).0.usage(), usage, "the count survives");
}

#[test]
fn no_event_overtakes_one_that_was_taken_back() {
    let dir = Dir::new();
    let (mut spool, _) = dir.open(SMALL);
    say(&mut spool, "0").unwrap();
    spool.events.break_tail(never_durable());
    // The report needs another segment, so what is in this one has to be durable first.
    let long = "x".repeat(SMALL as usize / 32);
    let batch = [(Channel::Transcript, "1"), (Channel::Report, &long), (Channel::Transcript, "2")];
    let batch = batch.map(|(channel, text)| record(channel, text));
    assert_eq!(spool.append(&batch), [Err(NotStored::Disk); 3]);
    say(&mut spool, "1").unwrap();
    say(&mut spool, "2").unwrap();
    assert_eq!(texts(&mut spool, Lane::Events, 0), ["0", "1", "2"]);
}
