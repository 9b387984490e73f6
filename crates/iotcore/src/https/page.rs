//! Pages of lists. A token is the last name of the page before; AWS's are opaque, so nothing may rest on that.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::ApiError;
use super::request::Request;
use crate::limits::PAGE_ITEMS_MAX;

#[derive(Debug)]
pub(super) struct Page {
    after: String,
    max: usize,
}

impl Page {
    /// The page that the query asks for, by the parameters of these names.
    pub(super) fn of(request: &Request, token: &str, size: &str) -> Result<Self, ApiError> {
        let after = request.query(token).unwrap_or_default();
        let after = URL_SAFE_NO_PAD.decode(after).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let after = after.ok_or_else(|| ApiError::invalid(format!("{token} is none that was given")))?;
        let max = match request.number(size)? {
            None => PAGE_ITEMS_MAX,
            Some(max) => usize::try_from(max)
                .ok()
                .filter(|max| (1..=PAGE_ITEMS_MAX).contains(max))
                .ok_or_else(|| ApiError::invalid(format!("{size} is from 1 to {PAGE_ITEMS_MAX}")))?,
        };
        Ok(Self { after, max })
    }

    /// The name that those of the page come after; empty for the first page.
    pub(super) fn after(&self) -> &str {
        &self.after
    }

    /// A page of a list that is here in full, in the order of its names, as by [`Page::cut`].
    pub(super) fn cut_all<T>(&self, mut items: Vec<T>, name: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
        items.retain(|item| name(item) > self.after());
        let has_more = items.len() > self.max;
        items.truncate(self.max);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|last| URL_SAFE_NO_PAD.encode(name(last)));
        (items, next)
    }

    /// As many items as were asked for, and the token of the next page if there may be more. `items` are up to
    /// [`PAGE_ITEMS_MAX`].
    pub(super) fn cut<T>(&self, mut items: Vec<T>, name: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
        let may_have_more = items.len() > self.max || items.len() == PAGE_ITEMS_MAX;
        items.truncate(self.max);
        let last = items.last().filter(|_| may_have_more);
        let next = last.map(|last| URL_SAFE_NO_PAD.encode(name(last)));
        (items, next)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn page(query: &str) -> Result<Page, ApiError> {
        let (head, ()) = http::Request::builder().uri(format!("/x?{query}")).body(()).unwrap().into_parts();
        Page::of(&Request::new(head, Bytes::new())?, "nextToken", "maxResults")
    }

    #[test]
    fn a_page_goes_on_after_the_one_before() {
        let first = page("maxResults=2").unwrap();
        assert_eq!(first.after(), "");
        let (items, next) = first.cut(vec!["a", "b/ä", "c"], |item| item);
        assert_eq!(items, ["a", "b/ä"]);
        let second = page(&format!("maxResults=2&nextToken={}", next.unwrap())).unwrap();
        assert_eq!(second.after(), "b/ä");
        assert_eq!(second.cut(vec!["c"], |item| item), (vec!["c"], None));
        let all = vec!["a", "b/ä", "c", "d"];
        assert_eq!(second.cut_all(all.clone(), |item| item), (vec!["c", "d"], None));
        let (items, next) = first.cut_all(all, |item| item);
        assert_eq!((items, next.is_some()), (vec!["a", "b/ä"], true));
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for bad in ["maxResults=0", "maxResults=251", "maxResults=x", "nextToken=*", "nextToken=_w"] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }
}
