//! Queues, dead letters and backups for people.

use super::{Look, Tint, bytes, cut, fields, more, relative, table};
use crate::globals::shown;
use marvain_console::{
    operations::{BackupInfo, DeadLetter, QueueInfo},
    page::List,
};

/// Longest reason and payload in a list, in characters.
const TEXT_CHARS: usize = 60;

pub(crate) fn queues(list: &List<QueueInfo>, look: Look) -> String {
    let rows = list.items.iter().map(|queue| {
        let number = |count: u64, tint| (count.to_string(), if count == 0 { Tint::Dim } else { tint });
        [
            (queue.name.clone(), Tint::Plain),
            number(queue.waiting, Tint::Plain),
            number(queue.in_flight, Tint::Plain),
            number(queue.dead, Tint::Bad),
            (queue.oldest.map_or_else(|| "-".to_owned(), |at| relative(at, look.now)), Tint::Plain),
        ]
    });
    table(look, ["QUEUE", "WAITING", "IN FLIGHT", "DEAD", "OLDEST"], rows.collect())
}

pub(crate) fn dead_letters(list: &List<DeadLetter>, look: Look) -> String {
    if list.items.is_empty() {
        return "no dead letters".to_owned();
    }
    let rows = list.items.iter().map(|letter| {
        let plain = |text| (text, Tint::Plain);
        [
            plain(letter.id.clone()),
            plain(relative(letter.died_at, look.now)),
            plain(letter.attempts.to_string()),
            plain(letter.topic.clone().unwrap_or_else(|| "(the hub itself)".to_owned())),
            (cut(&letter.error, TEXT_CHARS), Tint::Bad),
            (cut(&letter.body, TEXT_CHARS), Tint::Dim),
        ]
    });
    let head = ["DEAD LETTER", "GIVEN UP", "TRIES", "TOPIC", "WHY", "PAYLOAD"];
    table(look, head, rows.collect()) + &more(list.next.as_deref())
}

pub(crate) fn backup(backup: &BackupInfo, look: Look) -> String {
    fields(
        look,
        vec![
            ("backup", shown(&backup.path), Tint::Good),
            ("size", bytes(backup.bytes), Tint::Plain),
            ("audit log", format!("{} entries", backup.audit_size), Tint::Plain),
        ],
    )
}
