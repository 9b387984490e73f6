use super::*;
use crate::{id::PersonId, memory::Tier};

fn judge<'a>(policies: &Policies, change: impl FnOnce(&mut MemoryFacts<'a>)) -> (Verdict, String) {
    let mut facts = MemoryFacts {
        proposer: &Principal::System,
        tier: Tier::Preference,
        subject: None,
        subject_consents: false,
        speaker: None,
        speaker_consents: false,
        confidence: 0.9,
        private: false,
    };
    change(&mut facts);
    let decision = policies.judge_memory(&facts);
    (decision.verdict, decision.policies.join(" "))
}

#[test]
fn nothing_is_kept_without_consent_and_nothing_without_review() {
    let policies = Policies::default_set().unwrap();
    let anna: &PersonId = &"anna".parse().unwrap();
    let bob: &PersonId = &"bob".parse().unwrap();
    let member = |id| Some(Somebody { id, role: Some(Role::Member) });
    // Who spoke and whether they consent, whom it is about and whether they do.
    let cases = [
        (None, false, None, false, Verdict::Ask),
        // Consent of nobody is none.
        (None, true, None, true, Verdict::Ask),
        (member(anna), true, None, false, Verdict::Ask),
        (member(anna), false, None, false, Verdict::Deny),
        (None, false, member(bob), true, Verdict::Ask),
        (None, false, member(bob), false, Verdict::Deny),
        (member(anna), true, member(anna), true, Verdict::Ask),
        (member(anna), true, member(bob), true, Verdict::Ask),
        (member(anna), true, member(bob), false, Verdict::Deny),
        (member(anna), false, member(bob), true, Verdict::Deny),
        (Some(Somebody { id: anna, role: Some(Role::Blocked) }), true, None, false, Verdict::Deny),
        (Some(Somebody { id: anna, role: None }), true, None, false, Verdict::Ask),
    ];
    for (speaker, speaker_consents, subject, subject_consents, verdict) in cases {
        for private in [false, true] {
            for confidence in [f32::NAN, f32::NEG_INFINITY, 0.0, 1.0, f32::INFINITY] {
                let (answer, by) = judge(&policies, |facts| {
                    (facts.speaker, facts.speaker_consents) = (speaker, speaker_consents);
                    (facts.subject, facts.subject_consents) = (subject, subject_consents);
                    (facts.private, facts.confidence) = (private, confidence);
                });
                let expected = if private { Verdict::Deny } else { verdict };
                assert_eq!(answer, expected, "{speaker:?} {subject:?} {private} {by}");
            }
        }
    }
}

/// The example in the default policies works once its comment marks are taken away.
#[test]
fn review_can_be_waived() {
    let (_, rest) = DEFAULT_SOURCE.split_once("// @id(\"own-preferences\")").unwrap();
    let body: Vec<_> = rest.lines().skip(1).map_while(|line| line.strip_prefix("//")).collect();
    let policies = defaults_and(&format!("@id(\"own-preferences\")\n{}", body.join("\n")));
    let anna: &PersonId = &"anna".parse().unwrap();
    let bob: &PersonId = &"bob".parse().unwrap();
    let cases = [
        (Role::Member, anna, Tier::Preference, 0.8, Verdict::Allow),
        (Role::Guest, anna, Tier::Preference, 0.8, Verdict::Ask),
        (Role::Member, bob, Tier::Preference, 0.8, Verdict::Ask),
        (Role::Member, anna, Tier::Semantic, 0.8, Verdict::Ask),
        (Role::Member, anna, Tier::Preference, 0.79, Verdict::Ask),
    ];
    for (role, subject, tier, confidence, verdict) in cases {
        let (answer, by) = judge(&policies, |facts| {
            facts.speaker = Some(Somebody { id: anna, role: Some(role) });
            facts.subject = Some(Somebody { id: subject, role: Some(role) });
            (facts.speaker_consents, facts.subject_consents) = (true, true);
            (facts.tier, facts.confidence) = (tier, confidence);
        });
        assert_eq!(answer, verdict, "{role:?} {subject} {tier:?} {confidence} {by}");
    }
}

#[test]
fn a_policy_that_fails_makes_it_a_candidate_at_most() {
    let permit = "@id(\"all\") permit (principal, action == Action::\"remember_unattended\", resource);";
    assert_eq!(judge(&defaults_and(permit), |_| ()).0, Verdict::Allow);
    for question in ["remember", "remember_unattended"] {
        let policies = defaults_and(&format!("{permit} {}", failing_forbid(question)));
        assert_eq!(judge(&policies, |_| ()).0, Verdict::Ask, "{question}");
        assert_eq!(judge(&policies, |facts| facts.private = true).0, Verdict::Deny, "{question}");
    }
}
