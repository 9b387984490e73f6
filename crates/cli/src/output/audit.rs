//! The audit log for people.

use super::{Look, Tint, cut, fields, table};
use marvain_console::{audit::Verification, page::List};
use marvain_domain::audit::InclusionProof;
use marvain_hub::people::AuditEntry;

/// Longest details in a list, in characters.
const DATA_CHARS: usize = 100;

pub(crate) fn tail(list: &List<AuditEntry>, look: Look) -> String {
    let rows = list.items.iter().map(|entry| {
        let seq = match entry.seq {
            Some(seq) => (seq.to_string(), Tint::Plain),
            None => ("waiting".to_owned(), Tint::Dim),
        };
        let refused = entry.kind.ends_with("refused") || entry.kind.ends_with("rejected");
        let kind = (entry.kind.clone(), if refused { Tint::Attention } else { Tint::Plain });
        let data = (cut(&entry.data.to_string(), DATA_CHARS), Tint::Dim);
        [seq, (entry.time.clone(), Tint::Plain), (entry.actor.clone(), Tint::Plain), kind, data]
    });
    table(look, ["SEQ", "TIME", "ACTOR", "KIND", "DATA"], rows.collect())
}

pub(crate) fn verification(found: &Verification, look: Look) -> String {
    let verdict = if found.intact { ("intact", Tint::Good) } else { ("NOT INTACT", Tint::Bad) };
    let mut text = fields(
        look,
        vec![
            ("audit log", verdict.0.to_owned(), verdict.1),
            ("entries", format!("{} read, {} signed for", found.entries, found.size), Tint::Plain),
            ("checkpoints", format!("{} with a valid signature", found.checkpoints), Tint::Plain),
            ("root", found.root.clone(), Tint::Plain),
        ],
    );
    if !found.findings.is_empty() {
        let rows = found.findings.iter().map(|finding| {
            let tint = if finding.class == "unpublished" { Tint::Dim } else { Tint::Bad };
            let seq = finding.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
            let object = finding.object.clone().unwrap_or_else(|| "-".to_owned());
            [
                (finding.class.clone(), tint),
                (seq, Tint::Plain),
                (object, Tint::Plain),
                (finding.detail.clone(), Tint::Plain),
            ]
        });
        text.push_str("\n\n");
        text.push_str(&table(look, ["FINDING", "ENTRY", "OBJECT", "WHAT"], rows.collect()));
    }
    if found.findings_left_out > 0 {
        text.push_str(&format!("\nand {} findings more", found.findings_left_out));
    }
    text
}

/// A proof, which was `checked` with a key or was not.
pub(crate) fn proof(proof: &InclusionProof, checked: bool, look: Look) -> String {
    let entry = &proof.entry;
    // The second line of a checkpoint is its size (C2SP tlog-checkpoint).
    let size = proof.checkpoint.lines().nth(1).unwrap_or_default();
    let place = format!("in the log of {size} entries, by {} hashes", proof.path.len());
    let verdict = if checked {
        ("proved", place, Tint::Good)
    } else {
        ("unchecked", format!("{place}: `--key` checks it"), Tint::Attention)
    };
    fields(
        look,
        vec![
            ("entry", entry.seq.to_string(), Tint::Plain),
            ("time", entry.time.to_string(), Tint::Plain),
            ("actor", entry.actor.clone(), Tint::Plain),
            ("kind", entry.kind.clone(), Tint::Plain),
            ("data", entry.data.to_string(), Tint::Plain),
            verdict,
        ],
    )
}
