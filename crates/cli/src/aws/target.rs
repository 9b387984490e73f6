//! Which deployment is meant: account, region, stacks. Options of the command line come before the configuration, and that
//! before AWS's own environment variables. A pure decision; what is read for it is [`Surroundings`].
//!
//! It does not know whether there is such a deployment.

use super::{
    AwsOptions,
    config::{self, Config, Environment, Stage},
};
use crate::error::CliError;
use std::{collections::BTreeMap, env, fmt, str::FromStr};

/// The stack that is meant when nobody says another, as the CDK app has it.
const STACK: &str = "marvain-dev";
/// Longest name of a stack, in bytes, as the CDK app has it: names of buckets and functions are made of it.
const STACK_NAME_BYTES_MAX: usize = 24;
/// The parts of a deployment, in the order in which they need each other.
pub(crate) const PARTS: [&str; 6] = ["data", "people", "compute", "fleet", "api", "observability"];
/// The profile that is meant by nobody: AWS's tools take it when nothing is said.
const UNSAID_PROFILE: &str = "default";

/// What the names of a deployment's stacks begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StackName(String);

impl StackName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the stack that is this part of it.
    pub(crate) fn part(&self, part: &str) -> String {
        format!("{}-{part}", self.0)
    }

    /// The names of all its stacks.
    pub(crate) fn parts(&self) -> Vec<String> {
        PARTS.iter().map(|part| self.part(part)).collect()
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StackName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let fits = inner
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && (2..=STACK_NAME_BYTES_MAX).contains(&text.len());
        let wanted =
            || format!("it must have 2 to {STACK_NAME_BYTES_MAX} of a-z, 0-9 and `-`, beginning with a letter");
        if fits { Ok(Self(text.to_owned())) } else { Err(wanted()) }
    }
}

/// What AWS's own environment variables say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Surroundings {
    /// `AWS_PROFILE`.
    pub(crate) profile: Option<String>,
    /// `AWS_REGION`, or else `AWS_DEFAULT_REGION`.
    pub(crate) region: Option<String>,
    /// Are there credentials that need no profile: keys, a web identity, or a container's?
    pub(crate) credentials: bool,
}

impl Surroundings {
    /// As they are.
    pub(crate) fn read() -> Self {
        let said = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let any = [
            "AWS_ACCESS_KEY_ID",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ];
        Self {
            profile: said("AWS_PROFILE"),
            region: said("AWS_REGION").or_else(|| said("AWS_DEFAULT_REGION")),
            credentials: any.into_iter().any(|name| said(name).is_some()),
        }
    }
}

/// Whose credentials are used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Identity {
    /// Those of a profile.
    Profile(String),
    /// Those that the environment has.
    Surroundings,
    /// Nobody has said, and AWS's tools would take the profile `default`.
    Unsaid,
}

/// The deployment that is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    /// The environment of the configuration that says so.
    pub(crate) env: Option<String>,
    pub(crate) identity: Identity,
    /// The region; none if the profile has to say.
    pub(crate) region: Option<String>,
    pub(crate) stack: StackName,
    pub(crate) stage: Stage,
    /// Other settings of the CDK app.
    pub(crate) context: BTreeMap<String, String>,
    /// What the configuration keeps of what the stacks have put out.
    pub(crate) outputs: BTreeMap<String, String>,
}

impl Target {
    /// Which deployment these options mean.
    ///
    /// # Errors
    /// If there is no such environment, or what is said is no name.
    pub(crate) fn of(options: &AwsOptions, config: &Config, around: &Surroundings) -> Result<Self, CliError> {
        let env = options.env.clone().or_else(|| implied(options, config));
        let environment = match &env {
            Some(name) => config.env.get(name).cloned().ok_or_else(|| config::absent(name))?,
            None => Environment::default(),
        };
        let Environment { profile, region, stack, stage, context, mut outputs } = environment;
        if profile.as_deref() == Some(UNSAID_PROFILE) && options.profile.is_none() {
            let env = env.unwrap_or_default();
            return Err(CliError::usage(format!("environment `{env}` means the profile `{UNSAID_PROFILE}`"))
                .hint("name a profile of your own there, or say that you mean it: `--profile default`"));
        }
        let configured = stack;
        let stack = options.stack.clone().or_else(|| configured.clone()).unwrap_or_else(|| STACK.to_owned());
        if configured.as_ref() != Some(&stack) {
            // They are another deployment's.
            outputs.clear();
        }
        let parsed = stack.parse().map_err(|e| CliError::usage(format!("`{stack}` is no name of a stack: {e}")))?;
        let identity = match options.profile.clone().or(profile) {
            Some(profile) => Identity::Profile(profile),
            None => match &around.profile {
                Some(profile) if profile != UNSAID_PROFILE => Identity::Profile(profile.clone()),
                _ if around.credentials => Identity::Surroundings,
                _ => Identity::Unsaid,
            },
        };
        let region = options.region.clone().or(region).or_else(|| around.region.clone());
        Ok(Self { env, identity, region, stack: parsed, stage, context, outputs })
    }

    /// What AWS's own tools are to be told by their environment.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.region.iter().map(|region| ("AWS_REGION", region.clone())).collect()
    }

    /// What AWS's own tools are to be told by options.
    pub(crate) fn options(&self) -> Vec<String> {
        match &self.identity {
            Identity::Profile(profile) => vec!["--profile".to_owned(), profile.clone()],
            Identity::Surroundings | Identity::Unsaid => Vec::new(),
        }
    }
}

/// The environment that is meant although nobody names it: the one that has the stack that is named, or else the default.
fn implied(options: &AwsOptions, config: &Config) -> Option<String> {
    let Some(stack) = &options.stack else { return config.default_env.clone() };
    let mut with = config.env.iter().filter(|(_, environment)| environment.stack.as_ref() == Some(stack));
    match (with.next(), with.next()) {
        (Some((name, _)), None) => Some(name.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    const CONFIG: &str = r#"
        default_env = "dev"
        [env.dev]
        profile = "home"
        region = "eu-central-1"
        stack = "marvain-dev"
        outputs = { ApiUrl = "https://dev" }
        [env.prod]
        stage = "prod"
        stack = "marvain-prod"
        context = { openai = "true" }
        [env.lazy]
        profile = "default"
    "#;

    fn target(options: &AwsOptions, around: &Surroundings) -> Result<Target, CliError> {
        Target::of(options, &config::parse(CONFIG).unwrap(), around)
    }

    fn said(env: Option<&str>, stack: Option<&str>, profile: Option<&str>) -> AwsOptions {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        AwsOptions { env: owned(env), stack: owned(stack), profile: owned(profile), ..AwsOptions::default() }
    }

    #[test]
    fn options_come_before_the_configuration_and_that_before_the_environment() {
        let around =
            Surroundings { profile: Some("work".to_owned()), region: Some("us-east-1".to_owned()), credentials: true };
        // Environment, stack and profile that are said; environment, profile, region, stack and outputs that are meant.
        let home = Identity::Profile("home".to_owned());
        let work = Identity::Profile("work".to_owned());
        let cases = [
            ((None, None, None), (Some("dev"), home.clone(), "eu-central-1", "marvain-dev", 1)),
            ((Some("prod"), None, None), (Some("prod"), work.clone(), "us-east-1", "marvain-prod", 0)),
            ((None, Some("marvain-prod"), None), (Some("prod"), work.clone(), "us-east-1", "marvain-prod", 0)),
            ((None, Some("other"), None), (None, work, "us-east-1", "other", 0)),
            ((Some("dev"), Some("other"), None), (Some("dev"), home, "eu-central-1", "other", 0)),
            (
                (None, None, Some("default")),
                (Some("dev"), Identity::Profile("default".to_owned()), "eu-central-1", "marvain-dev", 1),
            ),
        ];
        for ((env, stack, profile), (meant, identity, region, name, outputs)) in cases {
            let target = target(&said(env, stack, profile), &around).unwrap();
            assert_eq!(target.env.as_deref(), meant, "{env:?} {stack:?}");
            assert_eq!(target.identity, identity, "{env:?} {stack:?}");
            assert_eq!(target.region.as_deref(), Some(region), "{env:?} {stack:?}");
            assert_eq!(target.stack.as_str(), name, "{env:?} {stack:?}");
            assert_eq!(target.outputs.len(), outputs, "{env:?} {stack:?}");
        }
    }

    #[test]
    fn the_profile_default_is_meant_only_if_somebody_says_so() {
        let nothing = Surroundings::default();
        let lazy = target(&said(Some("lazy"), None, None), &nothing).unwrap_err();
        assert_eq!(
            (lazy.exit(), lazy.told().0.as_str()),
            (Exit::Usage, "environment `lazy` means the profile `default`")
        );
        assert!(target(&said(Some("lazy"), None, Some("default")), &nothing).is_ok());
        let unsaid = |around: &Surroundings| target(&said(Some("prod"), None, None), around).unwrap().identity;
        assert_eq!(unsaid(&nothing), Identity::Unsaid);
        let by_variable = Surroundings { profile: Some("default".to_owned()), ..nothing.clone() };
        assert_eq!(unsaid(&by_variable), Identity::Unsaid);
        assert_eq!(unsaid(&Surroundings { credentials: true, ..nothing }), Identity::Surroundings);
    }

    #[test]
    fn names_of_stacks_are_those_that_the_cdk_app_takes() {
        for good in ["marvain-dev", "m2", "abcdefghijklmnopqrstuvwx"] {
            assert!(good.parse::<StackName>().is_ok(), "{good}");
        }
        for bad in ["", "m", "-a", "2a", "a-", "Marvain", "a_b", "abcdefghijklmnopqrstuvwxy"] {
            assert!(bad.parse::<StackName>().is_err(), "{bad}");
        }
        let missing = target(&said(Some("nowhere"), None, None), &Surroundings::default()).unwrap_err();
        assert_eq!(missing.exit(), Exit::NotFound);
        assert_eq!(target(&said(None, Some("No"), None), &Surroundings::default()).unwrap_err().exit(), Exit::Usage);
    }
}
