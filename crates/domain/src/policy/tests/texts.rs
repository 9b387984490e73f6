use super::*;

const GOOD: &str = "@id(\"good\") permit (principal, action == Action::\"view\", resource);";

#[test]
fn defaults_are_without_fault() {
    assert_eq!(check(&[(DEFAULT_FILE, DEFAULT_SOURCE)]), []);
    let ids = Policies::default_set().unwrap().ids();
    assert_eq!(ids.len(), DEFAULT_SOURCE.lines().filter(|line| line.starts_with("@id(")).count());
}

#[test]
fn every_example_among_the_defaults_fits_the_schema() {
    let examples: Vec<_> =
        DEFAULT_SOURCE.lines().filter_map(|line| line.strip_prefix("// @id(\"")?.strip_suffix("\")")).collect();
    assert_eq!(examples, ["kitchen-lamp", "lamp-off-at-night", "quiet-at-night", "own-preferences"]);
    let rules: String = examples.into_iter().map(example).collect();
    assert_eq!(check(&[(DEFAULT_FILE, DEFAULT_SOURCE), ("examples.cedar", &rules)]), []);
}

#[test]
fn no_policies_permit_nothing() {
    let policies = Policies::parse(&[]).unwrap();
    assert!(!policies.may(&person("anna", Role::Owner), &Operation::View).allowed);
}

#[test]
fn faults_are_shown_with_their_place() {
    let texts = [
        "permit (principal, action, resource)",
        "@id(\"a\")\npermit (principal, action, resorce);",
        "permit (principal, action == Action::\"view\", resource);",
        "@id(\"Über\") permit (principal, action == Action::\"view\", resource);",
        "@id(\"a\") permit (principal, action == Action::\"manage_sattelites\", resource);",
        "// roles\n\n@id(\"a\")\nforbid (principal in Role::\"gast\", action, resource);",
        "@id(\"a\") permit (principal, action == Action::\"run\", resource)\nwhen { resource.rsik == Risk::\"low\" };",
        "@id(\"a\") permit (principal, action == Action::\"run\", resource)\nwhen { resource.risk == Risk::\"lwo\" };",
        "@id(\"a\") permit (principal, action == Action::\"run\", resource)\nwhen { resource.risk == \"low\" };",
        "@id(\"a\") permit (principal, action == Action::\"run\", resource)\nwhen { resource.person in Role::\"member\" };",
        "@id(\"a\") permit (principal, action == Action::\"view\", resource == Space::\"hall\");",
        "@id(\"a\") permit (principal == ?principal, action == Action::\"view\", resource);",
        "@id(\"a\") permit (principal, action == Action::\"view\", resource);\n  @id(\"a\") permit (principal, action == Action::\"speak\", resource);",
        "@id(\"a\") permit (principal, action == Action::\"view\", resource);\n@id(\"good\") permit (principal, action == Action::\"speak\", resource);",
    ];
    let shown: Vec<_> = texts
        .iter()
        .map(|text| {
            let problems = check(&[("base.cedar", GOOD), ("house.cedar", text)]);
            assert!(!problems.is_empty(), "{text}");
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n---\n"), @r#"
    house.cedar:1:37: unexpected end of input: expected `;` or identifier
    ---
    house.cedar:2:28: found an invalid variable in the policy scope: resorce (policy scopes must contain a `principal`, `action`, and `resource` element in that order)
    ---
    house.cedar:1:1: a policy has no valid id (write `@id("…")` before it, with 1 to 64 of a-z, 0-9, `_` and `-`)
    ---
    house.cedar:1:1: a policy has no valid id (write `@id("…")` before it, with 1 to 64 of a-z, 0-9, `_` and `-`)
    ---
    house.cedar:1:39: policy `a`: unrecognized action `Action::"manage_sattelites"` (did you mean `Action::"manage_satellites"`?)
    ---
    house.cedar:4:22: policy `a`: entity `Role::"gast"` is of an enumerated entity type, but `"gast"` is not declared as a valid eid (valid entity eids: "blocked", "guest", "member", "admin", "owner")
    ---
    house.cedar:2:8: policy `a`: attribute `rsik` on entity type `Invocation` not found (did you mean `risk`?)
    ---
    house.cedar:2:25: policy `a`: entity `Risk::"lwo"` is of an enumerated entity type, but `"lwo"` is not declared as a valid eid (valid entity eids: "low", "medium", "high")
    ---
    house.cedar:2:8: policy `a`: the types String and Risk are not compatible (for policy `a`, both operands to a `==` expression must have compatible types. Types must be exactly equal to be compatible)
    ---
    house.cedar:2:8: policy `a`: unable to guarantee safety of access to optional attribute `person` on entity type `Invocation` (try testing for the attribute's presence with `e has person && ..`)
    ---
    house.cedar:1:1: policy `a`: unable to find an applicable action given the policy scope constraints
    ---
    house.cedar:1:1: policy `a`: templates are not used (write a policy for each case)
    ---
    house.cedar:2:3: policy `a`: its id is that of another, in house.cedar, line 1 (every policy needs its own)
    ---
    house.cedar:2:1: policy `good`: its id is that of another, in base.cedar, line 1 (every policy needs its own)
    "#);
}

#[test]
fn all_faults_are_shown_at_once_in_the_order_of_the_texts() {
    let bad =
        "@id(\"b\") permit (principal, action == Action::\"x\", resource);\npermit (principal, action, resource);";
    let problems = check(&[("2.cedar", bad), ("1.cedar", "permit;")]);
    let places: Vec<_> = problems.iter().map(|p| (p.file.as_str(), p.line)).collect();
    assert_eq!(places, [("2.cedar", 1), ("2.cedar", 2), ("1.cedar", 1)], "{problems:?}");
    let error = Policies::parse(&[("2.cedar", bad), ("1.cedar", "permit;")]).unwrap_err();
    assert_eq!(error.problems, problems);
    assert_eq!(error.to_string().lines().count(), 3, "{error}");
}

#[test]
fn texts_are_bounded() {
    let fill = |bytes: usize| format!("{GOOD}//{}", "x".repeat(bytes - GOOD.len() - 2));
    assert_eq!(check(&[("a.cedar", &fill(POLICY_BYTES_MAX))]), []);
    let one = fill(POLICY_BYTES_MAX + 1);
    let problems = check(&[("a.cedar", &one)]);
    assert_eq!(
        problems[0].to_string(),
        "a.cedar:1:1: the policies have more than 65536 bytes (use fewer or shorter ones)"
    );
    let (half, more) = (fill(POLICY_BYTES_MAX / 2), "/".repeat(POLICY_BYTES_MAX / 2 + 1));
    assert_eq!(check(&[("a.cedar", &half), ("b.cedar", &more)])[0].file, "b.cedar");
}

/// At the limits everything is still looked at, the innermost type error too, on half of the stack that threads have.
#[test]
fn depth_is_bounded_so_that_nothing_escapes_validation() {
    let shapes: [fn(usize, &str) -> String; 10] = [
        |n, inner| format!("{}{inner}{}", "(".repeat(n), ")".repeat(n)),
        |n, inner| format!("{}{inner}{}", "!(".repeat(n), ")".repeat(n)),
        |n, inner| format!("{}{inner}{}.isEmpty()", "[".repeat(n), "]".repeat(n)),
        |n, inner| format!("{}{inner}{}", "{a:".repeat(n), "}".repeat(n)),
        |n, inner| format!("{}{inner}{}", "if true then ".repeat(n), " else true".repeat(n)),
        |n, inner| format!("{inner}{}", "&&true".repeat(n)),
        |n, inner| {
            format!(
                "{}{inner}{}{}",
                "!(".repeat(POLICY_NESTING_MAX - 1),
                "&&true".repeat(n),
                ")".repeat(POLICY_NESTING_MAX - 1)
            )
        },
        |n, inner| format!("{inner}{}", "||true".repeat(n)),
        |n, inner| format!("1{}+{inner} == 1", "+1".repeat(n)),
        |n, inner| format!("{inner}{}", ".a".repeat(n)),
    ];
    for (i, shape) in shapes.into_iter().enumerate() {
        let refused = |n: usize| -> String {
            let condition = shape(n, "context.no_such_thing");
            let text = format!(
                "@id(\"deep\") permit (principal, action == Action::\"view\", resource) when {{ {condition} }};"
            );
            let check = move || check(&[("deep.cedar", &text)]);
            let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap();
            thread.join().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        // The `when` takes one bracket, the inner expression one dot, the sum one more link.
        let most = if i < 5 { POLICY_NESTING_MAX - 1 } else { POLICY_LINKS_MAX - 2 };
        let at_limit = refused(most);
        assert!(at_limit.contains("no_such_thing") || at_limit.contains("`a`"), "{i}: {at_limit}");
        for n in [most + 2, 5000] {
            assert!(refused(n).contains("more than"), "{i}: {n}");
        }
    }
}

#[test]
fn what_stands_in_strings_and_comments_is_not_depth() {
    let many = "(.".repeat(POLICY_LINKS_MAX + 1);
    let text = format!(
        "// {many}\n@id(\"a\") @note(\"\\\"{many}\") permit (principal, action == Action::\"view\", resource);"
    );
    assert_eq!(check(&[("a.cedar", &text)]), []);
    // Each policy counts for itself.
    let one = |i: usize| {
        let when = ["resource == resource"; 30].join(" && ");
        format!("@id(\"p{i}\") permit (principal, action == Action::\"view\", resource) when {{ {when} }};")
    };
    assert_eq!(check(&[("a.cedar", &(one(1) + &one(2)))]), []);
}
