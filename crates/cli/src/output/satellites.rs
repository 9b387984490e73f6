//! Satellites, bundles and enrolment codes for people.

use super::{Look, Tint, fields, more, readings::number, relative, table};
use marvain_console::{
    page::List,
    satellites::{EnrolmentInfo, SatelliteInfo},
};
use marvain_domain::{
    Timestamp,
    capability::{ArgSpec, Capability},
    identity::SatelliteStatus,
};

fn state(info: &SatelliteInfo) -> (String, Tint) {
    match (info.satellite.status, info.presence.online) {
        (SatelliteStatus::Revoked, _) => ("revoked".to_owned(), Tint::Bad),
        (SatelliteStatus::Active, _) if info.presence.paused => ("paused".to_owned(), Tint::Attention),
        (SatelliteStatus::Active, true) => ("online".to_owned(), Tint::Good),
        (SatelliteStatus::Active, false) => ("offline".to_owned(), Tint::Dim),
    }
}

fn or_dash(text: Option<&impl ToString>) -> String {
    text.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn since(info: &SatelliteInfo, look: Look) -> String {
    info.presence.since.map_or_else(|| "-".to_owned(), |at| relative(at, look.now))
}

pub(crate) fn list(list: &List<SatelliteInfo>, look: Look) -> String {
    if list.items.is_empty() {
        return "no satellites yet: `marvain claim create --out DIR`, or `marvain satellite add NAME --out DIR`"
            .to_owned();
    }
    let rows = list.items.iter().map(|info| {
        let plain = |text| (text, Tint::Plain);
        let can: Vec<&str> = info.presence.capabilities.iter().map(|c| c.name.as_str()).collect();
        [
            plain(info.satellite.id.to_string()),
            state(info),
            plain(since(info, look)),
            plain(or_dash(info.satellite.space.as_ref())),
            plain(or_dash(info.satellite.person.as_ref())),
            plain(can.join(" ")),
        ]
    });
    let head = ["SATELLITE", "STATE", "SINCE", "SPACE", "PERSON", "CAN"];
    table(look, head, rows.collect()) + &more(list.next.as_deref())
}

pub(crate) fn one(info: &SatelliteInfo, look: Look) -> String {
    let (state, tint) = state(info);
    let satellite = &info.satellite;
    let mut rows = vec![
        ("satellite", satellite.id.to_string(), Tint::Plain),
        ("state", format!("{state}, {}", since(info, look)), tint),
        ("space", or_dash(satellite.space.as_ref()), Tint::Plain),
        ("person", or_dash(satellite.person.as_ref()), Tint::Plain),
        ("certificate", satellite.certificate_id.clone(), Tint::Plain),
        ("added", relative(satellite.created_at, look.now), Tint::Plain),
        ("software", or_dash(info.presence.software.as_ref()), Tint::Plain),
        ("dropped", format!("{} readings", info.presence.dropped_telemetry), Tint::Plain),
    ];
    rows.extend(info.open_commands.iter().map(|action| ("open command", action.to_string(), Tint::Attention)));
    for capability in &info.presence.capabilities {
        rows.push(("can", can(capability), Tint::Plain));
    }
    for reading in &info.readings {
        let value = format!("{} {}", number(reading.value), reading.unit);
        let text = format!("{} {}, {}", reading.name, value.trim_end(), relative(reading.at, look.now));
        rows.push(("reading", text, Tint::Plain));
    }
    fields(look, rows)
}

/// A capability with its arguments, as `action propose` takes them.
fn can(capability: &Capability) -> String {
    let args = capability.args.iter().map(|(name, spec)| match spec {
        ArgSpec::Text { one_of, .. } if !one_of.is_empty() => format!(" {name}={}", one_of.join("|")),
        ArgSpec::Text { .. } => format!(" {name}=TEXT"),
        ArgSpec::Number { min, max, .. } => format!(" {name}={min}..{max}"),
        ArgSpec::Flag { .. } => format!(" {name}=true|false"),
    });
    let about = Some(&capability.description).filter(|about| !about.is_empty());
    format!("{}{}{}", capability.name, args.collect::<String>(), about.map(|a| format!(" — {a}")).unwrap_or_default())
}

/// What a person should know of a code besides the code itself, which stands alone on standard output.
pub(crate) fn enrolment(info: &EnrolmentInfo, now: Timestamp) -> String {
    format!("good once, for `{}`; it expires {}", info.serial, relative(info.expires_at, now))
}
