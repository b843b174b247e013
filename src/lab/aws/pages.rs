//! Listings in pages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{Ask, input, wire::Fault};

/// The names of the parameters that a listing is paged by, and how many items a page holds at most and unasked.
pub(super) struct Paging {
    /// The token's, such as `NextToken`.
    pub(super) token: &'static str,
    /// The page size's, such as `MaxResults`.
    pub(super) size: &'static str,
    /// The size of a page where the call names none.
    pub(super) usual: usize,
    /// The largest size; larger ones are cut to it. What is too large to be asked is for the service to refuse.
    pub(super) most: usize,
}

/// One page, and the token of the next.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// The token is not one that this call gave out.
#[derive(Debug)]
pub(super) struct BadToken;

impl Paging {
    /// Cuts the page that the call asks for out of a whole listing, given with keys in ascending order. A token is good
    /// for the same caller, region, operation and parameters only. It holds the last key that was given out, so that what
    /// comes and goes between the pages neither repeats nor hides anything else, and the number of the page, so that no
    /// two tokens are the same even when a page was empty.
    pub(super) fn page<T>(
        &self,
        ask: &Ask<'_>,
        items: impl IntoIterator<Item = (String, T)>,
    ) -> Result<Page<T>, BadToken> {
        let bound_to = self.fingerprint(ask);
        let (turn, after) = match input::text(ask.input, self.token) {
            None => (0_u64, None),
            Some(token) => {
                let read = URL_SAFE_NO_PAD.decode(token).map_err(|_| BadToken)?;
                let read = String::from_utf8(read).map_err(|_| BadToken)?;
                let (turn, after) =
                    read.strip_prefix(&bound_to).and_then(|read| read.split_once(':')).ok_or(BadToken)?;
                (turn.parse().map_err(|_| BadToken)?, Some(after.to_owned()))
            }
        };
        let size = input::number(ask.input, self.size).and_then(|size| usize::try_from(size).ok());
        let size = size.unwrap_or(self.usual).clamp(1, self.most);
        let size = ask.page_ends.map_or(size, |ends| size.min(ends));
        let mut last = after.clone().unwrap_or_default();
        let mut rest = items.into_iter().skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after));
        let mut page = Page { items: Vec::new(), next: None };
        for (key, item) in rest.by_ref().take(size) {
            page.items.push(item);
            last = key;
        }
        if rest.next().is_some() {
            page.next = Some(URL_SAFE_NO_PAD.encode(format!("{bound_to}{}:{last}", turn + 1)));
        }
        Ok(page)
    }

    /// The same for a service that refuses sizes out of bounds, and tells of a bad token, in this way.
    pub(super) fn strict<T>(
        &self,
        ask: &Ask<'_>,
        refuse: fn(String) -> Fault,
        items: impl IntoIterator<Item = (String, T)>,
    ) -> Result<Page<T>, Fault> {
        let asked = ask.input.get(self.size).is_some_and(|size| !size.is_null());
        let size = input::number(ask.input, self.size).and_then(|size| usize::try_from(size).ok());
        if asked && !size.is_some_and(|size| (1..=self.most).contains(&size)) {
            return Err(refuse(format!("{} must be between 1 and {}.", self.size, self.most)));
        }
        self.page(ask, items).map_err(|BadToken| refuse(format!("Invalid {}.", self.token)))
    }

    fn fingerprint(&self, ask: &Ask<'_>) -> String {
        let mut input = ask.input.clone();
        if let Some(input) = input.as_object_mut() {
            input.remove(self.token);
            input.remove(self.size);
        }
        let text = format!("{} {} {} {input}", ask.caller.account, ask.region, ask.operation);
        URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
    }
}
