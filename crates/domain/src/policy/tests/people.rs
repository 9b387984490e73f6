use super::*;
use crate::{id::SpaceId, memory::Tier};

/// What each role may by default. `anna` asks; `bob` is somebody else.
#[test]
fn default_rulings_by_role_and_operation() {
    use Operation as Op;
    let policies = Policies::default_set().unwrap();
    let hall: &SpaceId = &"hall".parse().unwrap();
    let tier = Tier::Semantic;
    let (guest, owner) = (person("bob", Role::Guest), person("bob", Role::Owner));
    let (bob, boss) = (Somebody::from(&guest), Somebody::from(&owner));
    let newcomer = Somebody { role: None, ..bob };
    let of = |id, risk| action("agent:marvain", "lamp", risk, id);
    let (low, medium, high) =
        (of(Some("anna"), Risk::Low), of(Some("anna"), Risk::Medium), of(Some("anna"), Risk::High));
    let (bobs, nobodys) = (of(Some("bob"), Risk::Low), of(None, Risk::Low));
    let proposed = action("person:anna", "lamp", Risk::Low, None);
    let mut names = Vec::new();
    let mut table = format!("{:30}", "");
    for role in Role::ALL {
        table += &format!("{:8}", role.as_str());
    }
    let anna = person("anna", Role::Blocked).id;
    // Of herself the hub knows what it knows of her as the one who asks.
    let me = Somebody { id: &anna, role: None };
    let cases = [
        ("", Op::View),
        ("", Op::Speak),
        ("", Op::ManageSatellites),
        ("", Op::ManageSpaces),
        ("", Op::ManageQueues),
        ("", Op::ReadAudit),
        ("", Op::EditPolicy),
        ("", Op::Backup),
        ("new, to guest", Op::ManagePeople { of: newcomer, to: Some(Role::Guest) }),
        ("new, to owner", Op::ManagePeople { of: newcomer, to: Some(Role::Owner) }),
        ("guest's token", Op::ManagePeople { of: bob, to: None }),
        ("guest, to admin", Op::ManagePeople { of: bob, to: Some(Role::Admin) }),
        ("owner's token", Op::ManagePeople { of: boss, to: None }),
        ("owner, to guest", Op::ManagePeople { of: boss, to: Some(Role::Guest) }),
        ("own", Op::ManageDevices { of: me }),
        ("other's", Op::ManageDevices { of: bob }),
        ("own, give", Op::SetConsent { of: me, grant: true }),
        ("own, revoke", Op::SetConsent { of: me, grant: false }),
        ("other's, give", Op::SetConsent { of: bob, grant: true }),
        ("other's, revoke", Op::SetConsent { of: bob, grant: false }),
        ("on", Op::SetPrivacy { space: hall, on: true }),
        ("off", Op::SetPrivacy { space: hall, on: false }),
        ("own", Op::Recall { tier, subject: Some(me), disclosed: false }),
        ("nobody's", Op::Recall { tier, subject: None, disclosed: false }),
        ("other's, disclosed", Op::Recall { tier, subject: Some(bob), disclosed: true }),
        ("other's", Op::Recall { tier, subject: Some(bob), disclosed: false }),
        ("own", Op::ReviewMemory { tier, subject: Some(me) }),
        ("nobody's", Op::ReviewMemory { tier, subject: None }),
        ("other's", Op::ReviewMemory { tier, subject: Some(bob) }),
        ("own", Op::EditMemory { tier, subject: Some(me) }),
        ("nobody's", Op::EditMemory { tier, subject: None }),
        ("other's", Op::EditMemory { tier, subject: Some(bob) }),
        ("own", Op::ForgetMemory { tier, subject: Some(me) }),
        ("nobody's", Op::ForgetMemory { tier, subject: None }),
        ("other's", Op::ForgetMemory { tier, subject: Some(bob) }),
        ("", Op::ProposeAction { action: &proposed, person_role: None }),
        ("low", Op::ApproveAction { action: &low, person_role: None }),
        ("medium", Op::ApproveAction { action: &medium, person_role: None }),
        ("high", Op::ApproveAction { action: &high, person_role: None }),
        ("own", Op::CancelAction { action: &low, person_role: None }),
        ("proposed", Op::CancelAction { action: &proposed, person_role: None }),
        ("other's", Op::CancelAction { action: &bobs, person_role: Some(Role::Guest) }),
        ("nobody's", Op::CancelAction { action: &nobodys, person_role: None }),
    ];
    for (detail, operation) in &cases {
        if names.last() != Some(&operation.name()) {
            names.push(operation.name());
        }
        table += &format!("\n{:30}", format!("{} {detail}", operation.name()));
        for role in Role::ALL {
            let ruling = policies.may(&person("anna", role), operation);
            assert_eq!(ruling.errors, [""; 0]);
            assert!(!ruling.allowed || !ruling.policies.is_empty());
            table += &format!("{:8}", if ruling.allowed { "yes" } else { "-" });
        }
    }
    assert_eq!(names, OPERATIONS.map(|(name, _)| name), "the table covers every operation, in order");
    let table: Vec<_> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
                                  blocked guest   member  admin   owner
    view                          -       yes     yes     yes     yes
    speak                         -       yes     yes     yes     yes
    manage_satellites             -       -       -       yes     yes
    manage_spaces                 -       -       -       yes     yes
    manage_queues                 -       -       -       yes     yes
    read_audit                    -       -       -       yes     yes
    edit_policy                   -       -       -       -       yes
    backup                        -       -       -       -       yes
    manage_people new, to guest   -       -       -       yes     yes
    manage_people new, to owner   -       -       -       -       yes
    manage_people guest's token   -       -       -       yes     yes
    manage_people guest, to admin -       -       -       yes     yes
    manage_people owner's token   -       -       -       -       yes
    manage_people owner, to guest -       -       -       -       yes
    manage_devices own            -       yes     yes     yes     yes
    manage_devices other's        -       -       -       -       yes
    set_consent own, give         -       yes     yes     yes     yes
    set_consent own, revoke       -       yes     yes     yes     yes
    set_consent other's, give     -       -       -       -       yes
    set_consent other's, revoke   -       -       -       yes     yes
    set_privacy on                -       yes     yes     yes     yes
    set_privacy off               -       -       yes     yes     yes
    recall own                    -       yes     yes     yes     yes
    recall nobody's               -       -       yes     yes     yes
    recall other's, disclosed     -       yes     yes     yes     yes
    recall other's                -       -       -       -       -
    review_memory own             -       -       yes     yes     yes
    review_memory nobody's        -       -       -       yes     yes
    review_memory other's         -       -       -       yes     yes
    edit_memory own               -       -       yes     yes     yes
    edit_memory nobody's          -       -       -       yes     yes
    edit_memory other's           -       -       -       yes     yes
    forget_memory own             -       yes     yes     yes     yes
    forget_memory nobody's        -       -       -       yes     yes
    forget_memory other's         -       -       -       yes     yes
    propose_action                -       -       yes     yes     yes
    approve_action low            -       -       yes     yes     yes
    approve_action medium         -       -       yes     yes     yes
    approve_action high           -       -       -       -       yes
    cancel_action own             -       -       yes     yes     yes
    cancel_action proposed        -       -       yes     yes     yes
    cancel_action other's         -       -       -       yes     yes
    cancel_action nobody's        -       -       -       yes     yes
    "#);
}

#[test]
fn schema_has_exactly_the_actions_that_are_asked() {
    let policies = Policies::default_set().unwrap();
    let judged = ["run", "run_unattended", "remember", "remember_unattended", "operation"];
    let asked: BTreeSet<_> = OPERATIONS.iter().map(|(name, _)| *name).chain(judged).collect();
    let declared: Vec<_> = policies.schema.actions().map(|uid| uid.id().unescaped().to_owned()).collect();
    assert_eq!(declared.iter().map(String::as_str).collect::<BTreeSet<_>>(), asked);
}

#[test]
fn rulings_name_what_decided_and_fail_closed() {
    let anna = |role| person("anna", role);
    let policies = Policies::default_set().unwrap();
    let ruling = policies.may(&anna(Role::Blocked), &Operation::View);
    assert_eq!((ruling.allowed, ruling.policies.join(" ").as_str()), (false, "blocked"));
    let ruling = policies.may(&anna(Role::Guest), &Operation::ReadAudit);
    assert_eq!((ruling.allowed, ruling.policies.join(" ").as_str()), (false, ""));

    let policies = defaults_and(&failing_forbid("view"));
    let ruling = policies.may(&anna(Role::Owner), &Operation::View);
    assert!(!ruling.allowed, "an owner is refused too: a `forbid` could not be asked");
    assert!(ruling.errors[0].contains("`failing`"), "{ruling:?}");
    assert!(policies.may(&anna(Role::Owner), &Operation::Speak).allowed);
}

#[test]
fn of_two_roles_for_one_person_the_lower_holds() {
    let policies = Policies::default_set().unwrap();
    let (blocked, owner) = (person("anna", Role::Blocked), person("anna", Role::Owner));
    for (asks, of) in [(&blocked, &owner), (&owner, &blocked)] {
        let consent = Operation::SetConsent { of: Somebody::from(of), grant: true };
        assert!(!policies.may(asks, &consent).allowed);
    }
}
