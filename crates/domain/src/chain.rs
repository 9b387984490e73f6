//! Errors as a line of text.

use std::error::Error;

/// An error and its causes in one line. What an error says of its cause already is not said again.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn causes_follow_once_each() {
        let layers = |texts: &[&'static str]| {
            let wrap = |source, text: &&'static str| Some(Box::new(Layer { text, source }));
            chain(&*texts.iter().rev().fold(None, wrap).unwrap())
        };
        assert_eq!(layers(&["no light"]), "no light");
        assert_eq!(layers(&["no light", "no power", "bill not paid"]), "no light: no power: bill not paid");
        assert_eq!(layers(&["no light: no power", "no power", "bill not paid"]), "no light: no power: bill not paid");
    }
}
