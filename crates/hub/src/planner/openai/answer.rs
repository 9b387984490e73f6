//! The parts of a Responses API answer that count (OpenAI, "API reference", "The response object").
//!
//! Everything else is passed over, so that a new field or kind of output does not stop the planning.

use serde::Deserialize;

/// An answer of `POST /responses`.
#[derive(Deserialize)]
pub(super) struct Answer {
    status: String,
    #[serde(default)]
    incomplete_details: Option<Incomplete>,
    output: Vec<Output>,
    #[serde(default)]
    pub(super) usage: Option<Usage>,
}

/// What an answer used.
#[derive(Deserialize)]
pub(super) struct Usage {
    pub(super) total_tokens: u64,
}

#[derive(Deserialize)]
struct Incomplete {
    reason: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Output {
    Message {
        content: Vec<Content>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content {
    OutputText {
        text: String,
    },
    Refusal,
    #[serde(other)]
    Other,
}

/// What a model makes of a request.
#[derive(PartialEq, Debug)]
pub(super) enum Said {
    /// Its words.
    Text(String),
    /// It will not, in words of ours: its own may repeat what was said.
    Refusal(&'static str),
    /// It failed; later it may not.
    Failed,
}

impl Answer {
    /// What it says: a refusal anywhere is one.
    pub(super) fn said(self) -> Said {
        match (self.status.as_str(), self.incomplete_details) {
            ("incomplete", Some(Incomplete { reason })) => {
                return Said::Refusal(match reason.as_str() {
                    "max_output_tokens" => "the answer is too long",
                    "content_filter" => "a content filter stopped the answer",
                    _ => "the answer is incomplete",
                });
            }
            ("completed", _) => {}
            _ => return Said::Failed,
        }
        let mut words = String::new();
        for output in self.output {
            let Output::Message { content } = output else { continue };
            for part in content {
                match part {
                    Content::OutputText { text } => words.push_str(&text),
                    Content::Refusal => return Said::Refusal("it refuses"),
                    Content::Other => {}
                }
            }
        }
        Said::Text(words)
    }
}
