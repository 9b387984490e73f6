//! Lines for CloudWatch Logs: one JSON object each, with the invocation's request id and the delivery among its spans.

use std::io;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// What Lambda's setting "application log level" is told by (AWS Lambda, "Configuring advanced logging controls").
pub const LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";

/// Sends what is traced to standard output. Called once, first.
pub fn init(level: Option<&str>) {
    let lines =
        fmt::layer().json().flatten_event(true).with_current_span(false).with_ansi(false).with_writer(io::stdout);
    tracing_subscriber::registry().with(lines).with(targets(level)).init();
}

/// Ours at `level`, `INFO` if that says nothing; the runtime's span, which has the request id, always; of others what is
/// worth a warning, because the SDKs are talkative.
fn targets(level: Option<&str>) -> Targets {
    let level = match level.map(str::to_ascii_uppercase).as_deref() {
        Some("TRACE") => LevelFilter::TRACE,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some("WARN") => LevelFilter::WARN,
        Some("ERROR" | "FATAL") => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let others = level.min(LevelFilter::WARN);
    Targets::new().with_default(others).with_target("marvain", level).with_target("lambda_runtime", LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn the_level_is_ours_and_others_only_warn() {
        for (level, ours) in [
            (None, Level::INFO),
            (Some("debug"), Level::DEBUG),
            (Some("TRACE"), Level::TRACE),
            (Some("nonsense"), Level::INFO),
            (Some("FATAL"), Level::ERROR),
        ] {
            let targets = targets(level);
            assert!(targets.would_enable("marvain_hub::deliver", &ours), "{level:?}");
            let more = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN].into_iter().filter(|each| *each > ours);
            for more in more {
                assert!(!targets.would_enable("marvain_lambdas", &more), "{level:?} {more}");
            }
            assert!(!targets.would_enable("aws_smithy_runtime", &Level::INFO));
            assert!(targets.would_enable("lambda_runtime::layers::trace", &Level::INFO));
        }
    }
}
