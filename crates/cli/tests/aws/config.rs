//! `marvain config`: what it writes, refuses and finds.

use crate::support::World;
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt as _};

#[test]
fn environments_are_added_shown_and_checked() {
    let world = World::new();
    let path = world.path("home/.config/marvain/config.toml");
    assert_eq!(world.told(&["config", "path"]), "/home/.config/marvain/config.toml\n");
    assert_eq!(world.run(&["config", "validate"]).code, Some(5), "there is none yet");
    let args = ["config", "init", "--env", "dev", "--profile", "home", "--region", "eu-central-1"];
    let dry: Vec<&str> = args.iter().copied().chain(["--dry-run"]).collect();
    insta::assert_snapshot!(world.told(&dry), @r#"
    It would, in this order:
      write  /home/.config/marvain/config.toml
             # Where marvain is deployed: `marvain config validate` checks it. No secrets belong here.
             default_env = "dev"

             [env.dev]
             profile = "home"
             region = "eu-central-1"
             stack = "marvain-dev"
             stage = "dev"
    "#);
    assert!(!path.exists(), "a dry run writes nothing");
    assert_eq!(world.run(&args).code, Some(0));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(world.run(&args).code, Some(6), "there is one of that name");
    let prod = ["config", "init", "--stage", "prod", "--profile", "home"];
    assert_eq!(world.run(&prod).code, Some(0), "an environment is called after its stage");
    let shown = world.run(&["config", "show", "--json"]).json();
    assert_eq!(shown["default_env"], "dev");
    assert_eq!(shown["env"]["prod"], json!({"profile": "home", "stack": "marvain-prod", "stage": "prod"}));
    assert_eq!(world.run(&["config", "validate"]).code, Some(0));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let open = world.run(&["config", "validate"]);
    assert!(open.code == Some(1) && open.out.contains("chmod 600"), "{open:?}");
    assert!(world.run(&["config", "show"]).err.contains("warning: others can read"), "it is said on every read");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(world.run(&["config", "show"]).err.contains("others can write"));
}

#[test]
fn the_profile_default_is_refused_unless_it_is_said() {
    let world = World::new();
    world.configure("[env.dev]\nprofile = \"default\"\n");
    let refused = world.run(&["--json", "monitor", "status", "--dry-run", "--env", "dev"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.error()["hint"].as_str().unwrap().contains("--profile default"), "{refused:?}");
    let said = world.run(&["monitor", "status", "--dry-run", "--env", "dev", "--profile", "default"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    world.configure("[env.dev]\n");
    let nobody = world.run(&["--json", "monitor", "status", "--env", "dev"]);
    assert_eq!(nobody.error()["message"], "nobody says which AWS profile to use", "{nobody:?}");
}
