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

/// The tree as far as it was walked. ListAccounts tells ids only, so it is walked for the names, but just where accounts
/// stand; where a server tells no paths it is walked whole, and asked for the accounts of each unit.
pub(super) struct Tree<'a> {
    hub: &'a Hub,
    client: &'a Client,
    root: Option<String>,
    /// The path of each unit.
    paths: BTreeMap<String, String>,
    /// The units that were asked for those below them.
    asked: BTreeSet<String>,
    /// The path of each account, where the units were asked for their accounts.
    accounts: BTreeMap<AccountId, String>,
    failed: Vec<DiscoverError>,
}

impl<'a> Tree<'a> {
    /// Nothing is walked yet.
    pub(super) fn new(hub: &'a Hub, client: &'a Client) -> Self {
        let (paths, asked, accounts) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { hub, client, root: None, paths, asked, accounts, failed: Vec::new() }
    }

    /// Gives those accounts their path of which the server told where they stand; walks what is not known yet for that.
    /// A missing permission is an error; anything else leaves a hole.
    pub(super) async fn place(&mut self, listed: &mut [Listed]) -> Result<(), DiscoverError> {
        let known = || listed.iter().filter_map(|listed| listed.units.as_deref());
        if known().any(|units| !units.is_empty()) {
            let parents = known().filter_map(|units| units.split_last()).flat_map(|(_, parents)| parents);
            let wanted: BTreeSet<&String> = parents.collect();
            self.walk(|unit| wanted.contains(unit)).await?;
        }
        for listed in listed.iter_mut() {
            let Some(units) = &listed.units else { continue };
            let path = units.last().map_or(Some(ROOT), |unit| self.paths.get(unit).map(String::as_str));
            listed.account.ou_path = path.map(str::to_owned);
        }
        Ok(())
    }

    /// Places the accounts that are left, and says of how many the place is not known.
    pub(super) async fn finish(mut self, listed: &mut [Listed], gaps: &mut Gaps) -> Result<(), DiscoverError> {
        if listed.iter().any(|listed| listed.units.is_none()) {
            self.walk(|_| true).await?;
            let units: Vec<(String, String)> = self.paths.clone().into_iter().collect();
            let root = self.root.clone().map(|root| (root, ROOT.to_owned()));
            for (unit, path) in root.into_iter().chain(units) {
                let accounts = self.accounts_of(&unit).await;
                let accounts = self.taken(accounts)?;
                self.accounts.extend(accounts.into_iter().map(|id| (id, path.clone())));
            }
            for listed in listed.iter_mut().filter(|listed| listed.units.is_none()) {
                listed.account.ou_path = self.accounts.get(&listed.account.id).cloned();
            }
        }
        let lost = listed.iter().filter(|listed| listed.account.ou_path.is_none()).count();
        match self.failed.first() {
            Some(error) => gaps.add(&format!("The organizational unit of {lost} accounts is not known"), error),
            None if lost > 0 => {
                let call = self.hub.call(actions::LIST_ORGANIZATIONAL_UNITS);
                let moved = DiscoverError::new(DiscoverErrorKind::Other, &call, "the tree changed while it was read");
                gaps.add(&format!("The organizational unit of {lost} accounts is not known"), &moved);
            }
            None => {}
        }
        Ok(())
    }

    /// Asks the root and the wanted units for those below them, each once.
    async fn walk(&mut self, wanted: impl Fn(&String) -> bool) -> Result<(), DiscoverError> {
        if self.root.is_none() && self.failed.is_empty() {
            let roots = self.roots().await;
            self.root = self.taken(roots)?.into_iter().next();
        }
        let root = self.root.clone().map(|root| (root, ROOT.to_owned()));
        let known = self.paths.iter().map(|(unit, path)| (unit.clone(), path.clone())).filter(|(unit, _)| wanted(unit));
        let mut waiting: VecDeque<(String, String)> = root.into_iter().chain(known).collect();
        while let Some((parent, path)) = waiting.pop_front() {
            if !self.asked.insert(parent.clone()) {
                continue;
            }
            let units = self.units_of(&parent).await;
            for (id, name) in self.taken(units)? {
                let path = format!("{}/{name}", path.trim_end_matches('/'));
                self.paths.insert(id.clone(), path.clone());
                if wanted(&id) {
                    waiting.push_back((id, path));
                }
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
