use super::*;
use crate::{capability::CapabilityKind, id::SpaceId};
use jiff::civil::DateTime;
use serde_json::{Value, json};

/// Facts at their most harmless; the tables change one at a time.
fn facts<'a>(action: &'a Action, person_role: Option<Role>, satellite: &'a Satellite) -> ActionFacts<'a> {
    ActionFacts {
        action,
        kind: CapabilityKind::Command,
        person_role,
        satellite: Some(satellite),
        target_private: false,
        origin_private: false,
        local_time: Some(on_the_wall("2026-11-25T12:00")),
    }
}

fn on_the_wall(time: &str) -> DateTime {
    time.parse().unwrap()
}

fn kitchen() -> Satellite {
    satellite("kitchen", "kitchen", SatelliteStatus::Active)
}

const RISKS: [Risk; 3] = [Risk::Low, Risk::Medium, Risk::High];

/// For whom, and their standing as the hub knows it.
const PEOPLE: [(Option<&str>, Option<Role>); 7] = [
    (None, None),
    (Some("anna"), None),
    (Some("anna"), Some(Role::Blocked)),
    (Some("anna"), Some(Role::Guest)),
    (Some("anna"), Some(Role::Member)),
    (Some("anna"), Some(Role::Admin)),
    (Some("anna"), Some(Role::Owner)),
];

#[test]
fn default_verdicts_by_person_proposer_and_risk() {
    let policies = Policies::default_set().unwrap();
    let kitchen = kitchen();
    let mut table = format!("{:12}", "");
    let proposers = ["agent:marvain", "system", "person:anna", "person:bob"];
    for proposer in proposers {
        table += &format!("{proposer:22}");
    }
    for (id, role) in PEOPLE {
        let shown = role.map_or(if id.is_some() { "no record" } else { "unknown" }, Role::as_str);
        table += &format!("\n{shown:12}");
        for proposer in proposers {
            let verdicts = RISKS.map(|risk| {
                let action = action(proposer, "lamp", risk, id);
                let open = facts(&action, role, &kitchen);
                for private in [
                    ActionFacts { target_private: true, ..open },
                    ActionFacts { origin_private: true, ..open },
                    ActionFacts { satellite: None, ..open },
                    ActionFacts { local_time: None, ..open },
                ] {
                    assert_eq!(policies.judge(&private).verdict, Verdict::Deny, "{private:?}");
                }
                let decision = policies.judge(&open);
                assert_eq!(decision.errors, [""; 0]);
                format!("{:?}", decision.verdict)
            });
            table += &format!("{:22}", verdicts.join(" "));
        }
    }
    let table: Vec<_> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
                agent:marvain         system                person:anna           person:bob
    unknown     Ask Ask Deny          Allow Ask Deny        Deny Deny Deny        Deny Deny Deny
    no record   Deny Deny Deny        Deny Deny Deny        Deny Deny Deny        Deny Deny Deny
    blocked     Deny Deny Deny        Deny Deny Deny        Deny Deny Deny        Deny Deny Deny
    guest       Allow Ask Deny        Allow Ask Deny        Allow Ask Deny        Deny Deny Deny
    member      Allow Ask Ask         Allow Ask Ask         Allow Ask Ask         Deny Deny Deny
    admin       Allow Ask Ask         Allow Ask Ask         Allow Ask Ask         Deny Deny Deny
    owner       Allow Ask Ask         Allow Ask Ask         Allow Ask Ask         Deny Deny Deny
    "#);
}

#[test]
fn deciding_policies_are_named() {
    let policies = Policies::default_set().unwrap();
    let kitchen = kitchen();
    let revoked = satellite("kitchen", "kitchen", SatelliteStatus::Revoked);
    let other = satellite("garage", "kitchen", SatelliteStatus::Active);
    let agent = "agent:marvain";
    let say = |risk| action(agent, "say", risk, Some("anna"));
    let mut here = action(agent, "say", Risk::Low, None);
    here.origin.space = Some("kitchen".parse::<SpaceId>().unwrap());
    let mut forget = action(agent, "memory.forget", Risk::Low, Some("anna"));
    forget.invocation.target = Target::Hub;
    let (low, high) = (say(Risk::Low), say(Risk::High));
    let nobody = action(agent, "say", Risk::Low, None);
    let member = Some(Role::Member);
    let cases = [
        (facts(&low, member, &kitchen), Verdict::Allow, "harmless-for-guests run-for-guests run-for-members"),
        (facts(&here, None, &kitchen), Verdict::Allow, "answer-in-the-room run-for-unknown-voices"),
        (facts(&nobody, None, &kitchen), Verdict::Ask, "run-for-unknown-voices"),
        (facts(&high, member, &kitchen), Verdict::Ask, "ask-about-high-risk run-for-members"),
        (facts(&high, Some(Role::Guest), &kitchen), Verdict::Deny, ""),
        (facts(&forget, member, &kitchen), Verdict::Ask, "ask-before-forgetting run-for-guests run-for-members"),
        (facts(&low, Some(Role::Blocked), &kitchen), Verdict::Deny, "blocked-behalf"),
        (facts(&low, member, &revoked), Verdict::Deny, "untrusted-satellite"),
        (facts(&low, member, &other), Verdict::Deny, "untrusted-satellite"),
        (ActionFacts { origin_private: true, ..facts(&low, member, &kitchen) }, Verdict::Deny, "privacy-mode"),
    ];
    for (facts, verdict, ids) in cases {
        let decision = policies.judge(&facts);
        assert_eq!((decision.verdict, decision.policies.join(" ").as_str()), (verdict, ids), "{facts:?}");
    }
}

#[test]
fn a_policy_that_fails_never_lets_anything_run_unattended() {
    let kitchen = kitchen();
    let say = action("agent:marvain", "say", Risk::Low, Some("anna"));
    let facts = facts(&say, Some(Role::Member), &kitchen);
    assert_eq!(Policies::default_set().unwrap().judge(&facts).verdict, Verdict::Allow);
    for question in ["run", "run_unattended"] {
        let policies = defaults_and(&failing_forbid(question));
        let decision = policies.judge(&facts);
        assert_eq!(decision.verdict, Verdict::Ask, "{question}");
        assert_eq!(decision.errors.len(), 1, "{decision:?}");
        assert!(decision.errors[0].contains("`failing`"), "{decision:?}");
        // What is denied without the failure stays denied.
        let denied = policies.judge(&ActionFacts { target_private: true, ..facts });
        assert_eq!(denied.verdict, Verdict::Deny);
    }
}

#[test]
fn a_rule_of_the_house_can_be_added() {
    let policies = defaults_and(
        r#"@id("kitchen-lamp")
           permit (principal, action == Action::"run_unattended", resource)
           when {
             resource.capability == "lamp" && resource has satellite && resource.satellite == Satellite::"kitchen" &&
             resource has person && resource.person in Role::"member" && context.kind == Kind::"command"
           };"#,
    );
    let kitchen = kitchen();
    let lamp = action("agent:marvain", "lamp", Risk::Medium, Some("anna"));
    let heater = action("agent:marvain", "heater", Risk::Medium, Some("anna"));
    let verdict = |action, role| policies.judge(&facts(action, Some(role), &kitchen)).verdict;
    assert_eq!(verdict(&lamp, Role::Member), Verdict::Allow);
    assert_eq!(verdict(&lamp, Role::Guest), Verdict::Ask);
    assert_eq!(verdict(&heater, Role::Member), Verdict::Ask);
}

/// The lamp, off at night, and by day, in each state; the examples stand in the default policies.
#[test]
fn a_rule_may_look_at_the_time_and_the_arguments() {
    let policies = defaults_and(&(example("lamp-off-at-night") + &example("quiet-at-night")));
    let kitchen = kitchen();
    let times = [
        "2026-11-25T21:59",
        "2026-11-25T22:00",
        "2026-11-26T00:00",
        "2026-11-26T05:59",
        "2026-11-26T06:00",
        "2026-11-27T08:59",
        "2026-11-28T08:59",
        "2026-11-29T09:00",
    ];
    let cases = [
        ("lamp", Risk::Medium, json!({"state": "off"})),
        ("lamp", Risk::Medium, json!({"state": "on"})),
        ("lamp", Risk::Medium, json!({})),
        ("lamp", Risk::Medium, json!({"state": ["off"]})),
        ("lamp", Risk::High, json!({"state": "off"})),
        ("say", Risk::Low, json!({"text": "off"})),
    ];
    let mut table = format!("{:26}", "");
    for time in times {
        table += &format!("{:11}", on_the_wall(time).strftime("%a %H:%M").to_string());
    }
    for (capability, risk, args) in cases {
        table += &format!("\n{:26}", format!("{capability} {} {args}", risk.as_str().chars().next().unwrap()));
        let action = with_args(capability, risk, args);
        for time in times {
            let local_time = Some(on_the_wall(time));
            let facts = ActionFacts { local_time, ..facts(&action, Some(Role::Member), &kitchen) };
            let decision = policies.judge(&facts);
            assert_eq!(decision.errors, [""; 0]);
            table += &format!("{:11}", format!("{:?}", decision.verdict));
        }
    }
    let table: Vec<_> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
                              Wed 21:59  Wed 22:00  Thu 00:00  Thu 05:59  Thu 06:00  Fri 08:59  Sat 08:59  Sun 09:00
    lamp m {"state":"off"}    Ask        Allow      Allow      Allow      Ask        Ask        Ask        Ask
    lamp m {"state":"on"}     Ask        Ask        Ask        Ask        Ask        Ask        Ask        Ask
    lamp m {}                 Ask        Ask        Ask        Ask        Ask        Ask        Ask        Ask
    lamp m {"state":["off"]}  Ask        Ask        Ask        Ask        Ask        Ask        Ask        Ask
    lamp h {"state":"off"}    Ask        Ask        Ask        Ask        Ask        Ask        Ask        Ask
    say l {"text":"off"}      Allow      Ask        Ask        Ask        Allow      Allow      Ask        Allow
    "#);
}

#[test]
fn scalars_are_compared_as_in_json() {
    let kitchen = kitchen();
    let args =
        json!({"state": "off", "level": 40, "warm": 21.5, "slow": true, "note": "true", "none": null, "far": {}});
    let dim = with_args("lamp", Risk::Medium, args);
    let verdict = |condition: &str| {
        let policies = defaults_and(&format!(
            "@id(\"house\") permit (principal, action == Action::\"run_unattended\", resource) when {{ {condition} }};"
        ));
        policies.judge(&facts(&dim, Some(Role::Member), &kitchen)).verdict
    };
    for (name, text) in [("state", "off"), ("level", "40"), ("warm", "21.5"), ("slow", "true"), ("note", "true")] {
        let is = |text: &str| format!("resource.hasTag(\"{name}\") && resource.getTag(\"{name}\") == \"{text}\"");
        assert_eq!((verdict(&is(text)), verdict(&is("41"))), (Verdict::Allow, Verdict::Ask), "{name}");
    }
    for name in ["none", "far", "other"] {
        assert_eq!(verdict(&format!("resource.hasTag(\"{name}\")")), Verdict::Ask, "{name}");
    }
}

#[test]
fn nothing_runs_in_a_time_zone_that_is_unknown() {
    let kitchen = kitchen();
    let say = action("agent:marvain", "say", Risk::Low, Some("anna"));
    let facts = ActionFacts { local_time: None, ..facts(&say, Some(Role::Owner), &kitchen) };
    let decision = Policies::default_set().unwrap().judge(&facts);
    assert_eq!((decision.verdict, decision.errors.len()), (Verdict::Deny, 1), "{decision:?}");
}

fn with_args(capability: &str, risk: Risk, args: Value) -> Action {
    let mut action = action("agent:marvain", capability, risk, Some("anna"));
    action.invocation.args = args.as_object().unwrap().clone();
    action
}
