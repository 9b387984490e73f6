//! People, their devices, consents and spaces for people.

use super::{Look, Tint, fields, more, relative, table};
use marvain_console::{devices::DeviceInfo, page::List, people::PersonInfo};
use marvain_domain::{
    consent::Consent,
    identity::{Role, Space},
};

fn plain(text: impl ToString) -> (String, Tint) {
    (text.to_string(), Tint::Plain)
}

pub(crate) fn people(list: &List<PersonInfo>, look: Look) -> String {
    let rows = list.items.iter().map(|person| {
        let has = |it| if it { plain("yes") } else { ("no".to_owned(), Tint::Dim) };
        [
            plain(&person.id),
            plain(&person.display_name),
            role(person.role),
            has(person.has_token),
            has(person.has_account),
            plain(relative(person.created_at, look.now)),
        ]
    });
    table(look, ["PERSON", "NAME", "ROLE", "TOKEN", "ACCOUNT", "ADDED"], rows.collect()) + &more(list.next.as_deref())
}

fn role(role: Role) -> (String, Tint) {
    let tint = if role == Role::Blocked { Tint::Bad } else { Tint::Plain };
    (role.as_str().to_owned(), tint)
}

/// Who has which role, highest first.
pub(crate) fn roles(list: &List<PersonInfo>, look: Look) -> String {
    let rows = Role::ALL.into_iter().rev().map(|each| {
        let who: Vec<&str> = list.items.iter().filter(|p| p.role == each).map(|p| p.id.as_str()).collect();
        [role(each), plain(who.join(", "))]
    });
    table(look, ["ROLE", "PEOPLE"], rows.collect())
}

pub(crate) fn person(person: &PersonInfo, look: Look) -> String {
    let (role, tint) = role(person.role);
    fields(
        look,
        vec![
            ("person", person.id.to_string(), Tint::Plain),
            ("name", person.display_name.clone(), Tint::Plain),
            ("role", role, tint),
            ("token", if person.has_token { "yes" } else { "none yet" }.to_owned(), Tint::Plain),
            ("account", if person.has_account { "yes" } else { "none" }.to_owned(), Tint::Plain),
        ],
    )
}

pub(crate) fn devices(list: &List<DeviceInfo>, look: Look) -> String {
    if list.items.is_empty() {
        return "no devices: nobody is notified anywhere".to_owned();
    }
    table(look, DEVICE, list.items.iter().map(|device| device_row(device, look)).collect())
}

pub(crate) fn device(device: &DeviceInfo, look: Look) -> String {
    table(look, DEVICE, vec![device_row(device, look)])
}

const DEVICE: [&str; 4] = ["PERSON", "DEVICE", "PLATFORM", "SINCE"];

fn device_row(device: &DeviceInfo, look: Look) -> [(String, Tint); 4] {
    [plain(&device.person), plain(&device.name), plain(device.platform), plain(relative(device.since, look.now))]
}

pub(crate) fn consents(list: &List<Consent>, look: Look) -> String {
    if list.items.is_empty() {
        return "no consent was ever given: nothing of theirs is remembered or told".to_owned();
    }
    let rows = list.items.iter().map(|consent| consent_row(consent, look));
    table(look, ["CONSENT", "STATE", "UNTIL", "GIVEN", "RECORDED BY", "PURPOSE"], rows.collect())
}

pub(crate) fn consent(consent: &Consent, look: Look) -> String {
    table(look, ["CONSENT", "STATE", "UNTIL", "GIVEN", "RECORDED BY", "PURPOSE"], vec![consent_row(consent, look)])
}

fn consent_row(consent: &Consent, look: Look) -> [(String, Tint); 6] {
    let state = match consent.revoked_at {
        Some(at) => (format!("revoked {}", relative(at, look.now)), Tint::Bad),
        None if consent.expires_at.is_some_and(|at| at <= look.now) => ("expired".to_owned(), Tint::Bad),
        None => ("active".to_owned(), Tint::Good),
    };
    [
        plain(consent.kind.as_str()),
        state,
        plain(consent.expires_at.map_or_else(|| "-".to_owned(), |at| relative(at, look.now))),
        plain(relative(consent.granted_at, look.now)),
        plain(&consent.granted_by),
        plain(&consent.purpose),
    ]
}

pub(crate) fn spaces(list: &List<Space>, look: Look) -> String {
    if list.items.is_empty() {
        return "no spaces yet: `marvain space add NAME`".to_owned();
    }
    let rows = list.items.iter().map(|space| space_row(space, look));
    table(look, ["SPACE", "LOCATION", "PRIVACY MODE", "ADDED"], rows.collect()) + &more(list.next.as_deref())
}

pub(crate) fn space(space: &Space, look: Look) -> String {
    table(look, ["SPACE", "LOCATION", "PRIVACY MODE", "ADDED"], vec![space_row(space, look)])
}

fn space_row(space: &Space, look: Look) -> [(String, Tint); 4] {
    let privacy = match &space.privacy {
        Some(privacy) => (format!("on, {} by {}", relative(privacy.since, look.now), privacy.by), Tint::Attention),
        None => ("off".to_owned(), Tint::Dim),
    };
    let location = space.location.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    [plain(&space.id), plain(location), privacy, plain(relative(space.created_at, look.now))]
}
