//! Lists in pages.

use crate::error::ApiError;
use serde::{Deserialize, Serialize};

/// Items of a page if nothing is said.
pub const LIMIT_DEFAULT: usize = 50;
/// Most items of a page.
pub const LIMIT_MAX: usize = 200;

/// A page of a list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to pass as `after` to go on; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which page.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageParams {
    /// At most so many, 1 to [`LIMIT_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

pub(crate) fn limit(asked: Option<usize>, max: usize) -> Result<usize, ApiError> {
    let limit = asked.unwrap_or(LIMIT_DEFAULT);
    if (1..=max).contains(&limit) {
        Ok(limit)
    } else {
        Err(ApiError::invalid(format!("`limit` must be from 1 to {max}")))
    }
}

/// A page of what is there as a whole, in the order of its names.
pub(crate) fn page<T>(all: Vec<T>, params: &PageParams, name: impl Fn(&T) -> &str) -> Result<List<T>, ApiError> {
    let limit = limit(params.limit, LIMIT_MAX)?;
    let mut rest: Vec<T> = all;
    rest.sort_by(|a, b| name(a).cmp(name(b)));
    rest.retain(|item| params.after.as_deref().is_none_or(|after| name(item) > after));
    let more = rest.len() > limit;
    rest.truncate(limit);
    let next = rest.last().filter(|_| more).map(|last| name(last).to_owned());
    Ok(List { items: rest, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let all = || ["c", "a", "e", "b", "d"].map(str::to_owned).to_vec();
        let mut params = PageParams { limit: Some(2), after: None };
        let mut seen = Vec::new();
        loop {
            let List { items, next } = page(all(), &params, String::as_str).unwrap();
            assert!(items.len() <= 2);
            seen.extend(items);
            match next {
                Some(next) => params.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
        for bad in [0, LIMIT_MAX + 1] {
            assert!(page(all(), &PageParams { limit: Some(bad), after: None }, String::as_str).is_err());
        }
    }
}
