//! What can be done here: finding offers, and making actions that fit them.
//!
//! Every action of this planner is made here, so none has arguments that its capability does not take.

use super::words::{fit, words};
use marvain_domain::{
    action::Target,
    capability::{ARG_TEXT_BYTES_MAX, ArgSpec, Capability},
    plan::{Draft, DraftAction, Offer, PlanRequest},
};
use serde_json::{Map, Value};

/// Capability by which a satellite speaks.
const SAY: &str = "say";

/// The offer of the hub's own capability `name`.
pub(super) fn of_hub<'a>(request: &'a PlanRequest, name: &str) -> Option<&'a Offer> {
    request.offers.iter().find(|offer| offer.target == Target::Hub && offer.capability.name.as_str() == name)
}

/// Does the satellite that heard the request make this offer?
fn is_here(offer: &Offer, request: &PlanRequest) -> bool {
    matches!(&offer.target, Target::Satellite(id) if *id == request.event.satellite)
}

/// Satellites' offers that a person may mean by `name`: `desk lamp` means `desk-lamp`, or `lamp` of the satellite
/// `desk`. If the satellite that heard it makes such an offer, only that one is meant.
pub(super) fn named<'a>(request: &'a PlanRequest, name: &str) -> Vec<&'a Offer> {
    let asked = words(name);
    let mut found: Vec<&Offer> = request
        .offers
        .iter()
        .filter(|offer| match &offer.target {
            Target::Satellite(id) => {
                let own = words(offer.capability.name.as_str());
                asked == own || asked == [words(id.as_str()), own].concat()
            }
            Target::Hub => false,
        })
        .collect();
    if let Some(here) = found.iter().position(|offer| is_here(offer, request)) {
        found = vec![found.swap_remove(here)];
    }
    found
}

/// The action, if these arguments fit the offer.
pub(super) fn act(offer: &Offer, args: Map<String, Value>, why: String) -> Option<DraftAction> {
    offer.capability.check_args(&args).ok()?;
    Some(DraftAction { target: offer.target.clone(), capability: offer.capability.name.clone(), args, why })
}

/// Arguments for `capability` in which one argument has the value that `choose` finds for its declaration; required
/// arguments are tried first. None if nothing fits.
pub(super) fn one_arg(
    capability: &Capability,
    choose: impl Fn(&ArgSpec) -> Option<Value>,
) -> Option<Map<String, Value>> {
    capability
        .args
        .iter()
        .filter_map(|(name, spec)| Some(Map::from_iter([(name.clone(), choose(spec)?)])))
        .find(|args| capability.check_args(args).is_ok())
}

/// A draft that lets the satellite that heard the request say `text`; empty if it cannot speak.
pub(super) fn say(request: &PlanRequest, text: &str) -> Draft {
    let action = request
        .offers
        .iter()
        .filter(|offer| is_here(offer, request) && offer.capability.name.as_str() == SAY)
        .find_map(|offer| {
            let args = one_arg(&offer.capability, |spec| match spec {
                ArgSpec::Text { one_of, max_bytes, .. } if one_of.is_empty() => {
                    Some(fit(text, (*max_bytes).min(ARG_TEXT_BYTES_MAX)).into())
                }
                _ => None,
            })?;
            act(offer, args, "answers what was said".to_owned())
        });
    Draft { memories: Vec::new(), actions: action.into_iter().collect() }
}
