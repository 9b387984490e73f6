//! Reminders for people.

use super::{Look, Tint, cut, more, relative, table};
use marvain_console::page::List;
use marvain_domain::reminder::Reminder;

/// Longest text in a list, in characters.
const TEXT_CHARS: usize = 60;

pub(crate) fn list(list: &List<Reminder>, look: Look) -> String {
    if list.items.is_empty() {
        return format!("none{}", more(list.next.as_deref()));
    }
    let rows = list.items.iter().map(|reminder| {
        let person = reminder.origin.person.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        [
            reminder.id.to_string(),
            relative(reminder.due, look.now),
            person,
            reminder.satellite.to_string(),
            cut(&reminder.text, TEXT_CHARS),
        ]
        .map(|text| (text, Tint::Plain))
    });
    table(look, ["REMINDER", "DUE", "OF", "THROUGH", "TEXT"], rows.collect()) + &more(list.next.as_deref())
}
