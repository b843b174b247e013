//! Reading every page of a listing.

use std::collections::HashSet;

use super::{DiscoverError, DiscoverErrorKind, error::Call};

/// What came of a listing: all that was read, and the error that ended it early, if any.
pub(super) struct Listing<T> {
    pub(super) items: Vec<T>,
    pub(super) ended_by: Option<DiscoverError>,
}

impl<T> Listing<T> {
    /// The items, if the listing is whole.
    pub(super) fn whole(self) -> Result<Vec<T>, DiscoverError> {
        match self.ended_by {
            None => Ok(self.items),
            Some(error) => Err(error),
        }
    }
}

/// Asks for one page after the other until an answer carries no token. A page may be empty or short and still have a
/// next one. The SDK's paginators end in silence when a server repeats a token; here that is an error, since the rest
/// of the list is not known.
pub(super) async fn read_pages<T, F, Fut>(call: &Call, mut page: F) -> Listing<T>
where
    F: FnMut(Option<String>) -> Fut,
    Fut: Future<Output = Result<(Vec<T>, Option<String>), DiscoverError>>,
{
    let mut items = Vec::new();
    let mut token: Option<String> = None;
    let mut seen = HashSet::new();
    loop {
        match page(token.clone()).await {
            Err(error) => return Listing { items, ended_by: Some(error) },
            Ok((more, next)) => {
                items.extend(more);
                match next.filter(|next| !next.is_empty()) {
                    None => return Listing { items, ended_by: None },
                    Some(next) if !seen.insert(next.clone()) => {
                        return Listing { items, ended_by: Some(DiscoverError::repeated_page(call)) };
                    }
                    next => token = next,
                }
            }
        }
    }
}

/// Where IAM cuts a page off, it has to say where the next one begins.
pub(super) fn next_marker(call: &Call, truncated: bool, marker: Option<&str>) -> Result<Option<String>, DiscoverError> {
    match (truncated, marker) {
        (false, _) => Ok(None),
        (true, Some(marker)) => Ok(Some(marker.to_owned())),
        (true, None) => Err(DiscoverError::new(DiscoverErrorKind::Other, call, "a page was cut off without a marker")),
    }
}
