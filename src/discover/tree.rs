//! Where in the tree of organizational units each account stands, by names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aws_sdk_organizations::Client;

use super::{
    DiscoverError, DiscoverErrorKind, Hub, actions,
    organization::{Gaps, Listed},
    pages::{Listing, read_pages},
};
use crate::model::AccountId;

const PAGE: i32 = 20;
/// The path of what is right under the root.
const ROOT: &str = "/";

/// The OU ids of a path as ListAccounts tells it: `o-…/r-…/ou-…/ou-…/111122223333/`. `None` when it is not such a path.
///
/// See <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html>.
pub(super) fn units_of_path(path: &str) -> Option<Vec<String>> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    if !parts.next()?.starts_with("o-") || !parts.next()?.starts_with("r-") {
        return None;
    }
    Some(parts.take_while(|part| part.starts_with("ou-")).map(str::to_owned).collect())
}

/// Gives each account its OU path. ListAccounts tells ids only, so the tree is walked for the names, but just where
/// accounts stand; where a server tells no paths it is walked whole, and asked for the accounts of each unit.
pub(super) async fn place(
    hub: &Hub,
    client: &Client,
    listed: &mut [Listed],
    gaps: &mut Gaps,
) -> Result<(), DiscoverError> {
    let mut walk = Walk { hub, client, paths: BTreeMap::new(), accounts: BTreeMap::new(), failed: Vec::new() };
    walk.run(&plan(listed)).await?;
    let mut lost = 0;
    for listed in listed {
        let path = match &listed.units {
            Some(units) => units.last().map_or(Some(ROOT), |unit| walk.paths.get(unit).map(String::as_str)),
            None => walk.accounts.get(&listed.account.id).map(String::as_str),
        };
        listed.account.ou_path = path.map(str::to_owned);
        lost += usize::from(path.is_none());
    }
    match walk.failed.first() {
        Some(error) => gaps.add(&format!("The organizational unit of {lost} accounts is not known"), error),
        None if lost > 0 => {
            let call = hub.call(actions::LIST_ORGANIZATIONAL_UNITS);
            let moved = DiscoverError::new(DiscoverErrorKind::Other, &call, "the tree changed while it was read");
            gaps.add(&format!("The organizational unit of {lost} accounts is not known"), &moved);
        }
        None => {}
    }
    Ok(())
}

/// How much of the tree has to be walked.
#[derive(Debug, PartialEq, Eq)]
struct Extent {
    /// The children of the root, and of these units; `None` for all.
    units: Option<BTreeSet<String>>,
    /// Whether there is anything to ask for at all.
    any: bool,
}

fn plan(listed: &[Listed]) -> Extent {
    let Some(known) = listed.iter().map(|listed| listed.units.as_deref()).collect::<Option<Vec<&[String]>>>() else {
        return Extent { units: None, any: true };
    };
    let parents = known.iter().filter_map(|units| units.split_last()).flat_map(|(_, parents)| parents.iter().cloned());
    Extent { units: Some(parents.collect()), any: known.iter().any(|units| !units.is_empty()) }
}

struct Walk<'a> {
    hub: &'a Hub,
    client: &'a Client,
    /// The path of each unit.
    paths: BTreeMap<String, String>,
    /// The path of each account, where the units were asked for their accounts.
    accounts: BTreeMap<AccountId, String>,
    failed: Vec<DiscoverError>,
}

impl Walk<'_> {
    /// A missing permission ends the walk; anything else leaves a hole in it.
    async fn run(&mut self, extent: &Extent) -> Result<(), DiscoverError> {
        if !extent.any {
            return Ok(());
        }
        let roots = self.roots().await;
        let mut waiting: VecDeque<(String, String)> =
            self.taken(roots)?.into_iter().map(|id| (id, ROOT.to_owned())).collect();
        let mut seen = BTreeSet::new();
        while let Some((parent, path)) = waiting.pop_front() {
            if !seen.insert(parent.clone()) {
                continue;
            }
            if extent.units.is_none() {
                let accounts = self.accounts_of(&parent).await;
                let accounts = self.taken(accounts)?;
                self.accounts.extend(accounts.into_iter().map(|id| (id, path.clone())));
            }
            let wanted = path == ROOT || extent.units.as_ref().is_none_or(|units| units.contains(&parent));
            let units = if wanted { self.units_of(&parent).await } else { continue };
            for (id, name) in self.taken(units)? {
                let path = format!("{}/{name}", path.trim_end_matches('/'));
                self.paths.insert(id.clone(), path.clone());
                waiting.push_back((id, path));
            }
        }
        Ok(())
    }

    fn taken<T>(&mut self, listing: Listing<T>) -> Result<Vec<T>, DiscoverError> {
        match listing.ended_by {
            Some(error) if error.what() == DiscoverErrorKind::AccessDenied => return Err(error),
            error => self.failed.extend(error),
        }
        Ok(listing.items)
    }

    async fn roots(&self) -> Listing<String> {
        let call = self.hub.call(actions::LIST_ROOTS);
        read_pages(&call, |token| {
            let call = &call;
            async move {
                self.hub.rates.list_roots.wait().await;
                let page = self.client.list_roots().set_next_token(token).send().await;
                let page = page.map_err(|e| DiscoverError::of(&e, call))?;
                Ok((page.roots().iter().filter_map(|root| root.id().map(str::to_owned)).collect(), page.next_token))
            }
        })
        .await
    }

    async fn units_of(&self, parent: &str) -> Listing<(String, String)> {
        let call = self.hub.call(actions::LIST_ORGANIZATIONAL_UNITS).on(parent);
        read_pages(&call, |token| {
            let call = &call;
            async move {
                self.hub.rates.list_units.wait().await;
                let ask = self.client.list_organizational_units_for_parent().parent_id(parent).max_results(PAGE);
                let page = ask.set_next_token(token).send().await.map_err(|e| DiscoverError::of(&e, call))?;
                let units = page.organizational_units().iter();
                let units = units.filter_map(|unit| Some((unit.id()?.to_owned(), unit.name()?.to_owned()))).collect();
                Ok((units, page.next_token))
            }
        })
        .await
    }

    async fn accounts_of(&self, parent: &str) -> Listing<AccountId> {
        let call = self.hub.call(actions::LIST_ACCOUNTS_FOR_PARENT).on(parent);
        read_pages(&call, |token| {
            let call = &call;
            async move {
                self.hub.rates.list_accounts_for_parent.wait().await;
                let ask = self.client.list_accounts_for_parent().parent_id(parent).max_results(PAGE);
                let page = ask.set_next_token(token).send().await.map_err(|e| DiscoverError::of(&e, call))?;
                let accounts = page.accounts().iter().filter_map(|account| account.id()?.parse().ok()).collect();
                Ok((accounts, page.next_token))
            }
        })
        .await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_units_from_the_root_down() {
        let path = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/111122223333/";
        assert_eq!(units_of_path(path).unwrap(), ["ou-ab12-11111111", "ou-ab12-22222222"]);
        assert_eq!(units_of_path("o-a1b2c3d4e5/r-ab12/111122223333/").unwrap(), Vec::<String>::new());
        for odd in ["", "/", "r-ab12/ou-ab12-11111111/", "o-a1b2c3d4e5/"] {
            assert_eq!(units_of_path(odd), None, "{odd}");
        }
    }
}
