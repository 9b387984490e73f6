//! Tables and field lists.

use super::{Look, clean};
use comfy_table::{Attribute, Cell, Color, Table, presets};

/// What a cell wants to say by its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tint {
    /// Nothing.
    Plain,
    /// All is well.
    Good,
    /// Somebody should look.
    Attention,
    /// Something is wrong.
    Bad,
    /// Past, or of little interest.
    Dim,
}

/// A table with upper-case headings. Nothing is cut or wrapped: ids stay whole.
pub(crate) fn table<const N: usize>(look: Look, head: [&str; N], rows: Vec<[(String, Tint); N]>) -> String {
    let mut table = empty(look);
    table.set_header(head.map(|name| Cell::new(name).add_attribute(Attribute::Dim)));
    for row in rows {
        table.add_row(row.map(cell));
    }
    trimmed(&table)
}

/// Names and values, one a line.
pub(crate) fn fields(look: Look, rows: Vec<(&str, String, Tint)>) -> String {
    let mut table = empty(look);
    for (name, value, tint) in rows {
        table.add_row([Cell::new(name).add_attribute(Attribute::Dim), cell((value, tint))]);
    }
    trimmed(&table)
}

fn empty(look: Look) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    if look.colour {
        table.enforce_styling();
    }
    table
}

fn cell((text, tint): (String, Tint)) -> Cell {
    let cell = Cell::new(clean(&text));
    match tint {
        Tint::Plain => cell,
        Tint::Good => cell.fg(Color::Green),
        Tint::Attention => cell.fg(Color::Yellow),
        Tint::Bad => cell.fg(Color::Red),
        Tint::Dim => cell.add_attribute(Attribute::Dim),
    }
}

fn trimmed(table: &Table) -> String {
    table
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use marvain_domain::Timestamp;

    #[test]
    fn colour_is_there_when_it_is_wanted_only() {
        let rows = || vec![("state", "down".to_owned(), Tint::Bad)];
        let look = Look { colour: false, now: Timestamp::EPOCH };
        assert_eq!(fields(look, rows()), "state  down");
        assert!(fields(Look { colour: true, ..look }, rows()).contains("\x1b["));
    }
}
