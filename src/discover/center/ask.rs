//! The calls to Identity Center, each at its rate and read to its last page.

use std::collections::BTreeSet;

use aws_sdk_identitystore::{
    operation::get_group_id::GetGroupIdError,
    types::{AlternateIdentifier, Filter, ResourceType, UniqueAttribute},
};
use aws_sdk_ssoadmin::types::{InstanceStatus, PrincipalType};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};

use super::Center;
use crate::{
    discover::{DiscoverError, DiscoverErrorKind, actions, error::Call, pages::read_pages},
    model::AccountId,
};

/// Entries on a page of sso-admin and of Identity Store, the most that they give.
const PAGE: i32 = 100;
/// How many pages of groups are read at most to find a name that was meant.
const PAGES_OF_GROUPS: usize = 10;

/// The organization's instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) arn: String,
    pub(super) store: String,
}

/// Who holds a permission set in an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Holder {
    /// A group by its id.
    Group(String),
    /// A user by its id.
    User(String),
}

/// A permission set in an account.
pub(super) type Pair = (AccountId, String);

impl Center {
    /// The organization's instance in this region; `None` where there is none.
    ///
    /// An account may see an instance of its own beside the organization's, which belongs to the management account.
    /// See <https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListInstances.html>.
    pub(super) async fn instance(&self) -> Result<Option<Instance>, DiscoverError> {
        let call = self.call(actions::LIST_INSTANCES);
        let found = read_pages(&call, |token| {
            let call = &call;
            async move {
                self.rates.admin.wait().await;
                let asking = self.admin.list_instances().max_results(PAGE).set_next_token(token).send();
                let page = Box::pin(asking).await.map_err(|e| DiscoverError::of(&e, call))?;
                Ok((page.instances.unwrap_or_default(), page.next_token))
            }
        });
        let usable = |status: Option<&InstanceStatus>| status.is_none_or(|it| *it == InstanceStatus::Active);
        let mut found = found.await.whole()?;
        found.retain(|one| usable(one.status()));
        if found.len() > 1 {
            found.retain(|one| one.owner_account_id() != Some(self.account.as_str()));
        }
        let unclear = |detail: &str| DiscoverError::new(DiscoverErrorKind::Other, &call, detail);
        if found.len() > 1 {
            return Err(unclear("there are several instances, and which is the organization's cannot be told"));
        }
        let Some(one) = found.pop() else { return Ok(None) };
        match (one.instance_arn, one.identity_store_id) {
            (Some(arn), Some(store)) => Ok(Some(Instance { arn, store })),
            _ => Err(unclear("the instance was told without its ARN or its directory")),
        }
    }

    /// The ids of the groups with this display name: none, one, or several that cannot be told apart.
    pub(super) async fn group_ids(&self, store: &str, name: &str) -> Result<BTreeSet<String>, DiscoverError> {
        let Some(id) = self.group_id(store, name).await? else { return Ok(BTreeSet::new()) };
        let mut ids = BTreeSet::from([id]);
        match self.groups(store, Some(name), usize::MAX).await {
            Ok(same) => ids.extend(same.into_iter().map(|(id, _)| id)),
            // Filters are on their way out; a server that no longer takes one is no reason to doubt the id.
            Err(error) if error.what() == DiscoverErrorKind::Other => {}
            Err(error) => return Err(error),
        }
        Ok(ids)
    }

    /// The id that Identity Store gives for this display name, if any.
    pub(super) async fn group_id(&self, store: &str, name: &str) -> Result<Option<String>, DiscoverError> {
        let call = self.call(actions::GET_GROUP_ID).on(format!("group {name}"));
        let attribute = UniqueAttribute::builder().attribute_path("displayName").attribute_value(name.into()).build();
        let attribute = attribute.map_err(|e| DiscoverError::new(DiscoverErrorKind::Other, &call, &e.to_string()))?;
        self.rates.group_id.wait().await;
        let asking = self.store.get_group_id().identity_store_id(store);
        let asking = asking.alternate_identifier(AlternateIdentifier::UniqueAttribute(attribute)).send();
        match Box::pin(asking).await {
            Ok(answer) => Ok(Some(answer.group_id)),
            Err(error) if lacks_group(&error) => Ok(None),
            Err(error) => Err(DiscoverError::of(&error, &call)),
        }
    }

    /// Names of groups that are much like this one.
    pub(super) async fn names_like(&self, store: &str, name: &str) -> Vec<String> {
        let groups = self.groups(store, None, PAGES_OF_GROUPS).await.unwrap_or_default();
        super::words::near(name, groups.into_iter().map(|(_, name)| name))
    }

    /// The groups with their names, of so many pages.
    // The filter is the one way to see that a name is taken twice; GetGroupId gives one id in any case.
    #[allow(deprecated)]
    pub(super) async fn groups(
        &self,
        store: &str,
        name: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, String)>, DiscoverError> {
        let call = self.call(actions::LIST_GROUPS);
        let filter = name.map(|name| {
            Filter::builder().attribute_path("DisplayName").attribute_value(name).build().map(|filter| vec![filter])
        });
        let filter =
            filter.transpose().map_err(|e| DiscoverError::new(DiscoverErrorKind::Other, &call, &e.to_string()))?;
        let mut left = most;
        let found = read_pages(&call, |token| {
            left = left.saturating_sub(1);
            let (call, last, filter) = (&call, left == 0, filter.clone());
            async move {
                self.rates.groups.wait().await;
                let asking = self.store.list_groups().identity_store_id(store).max_results(PAGE);
                let asking = asking.set_filters(filter).set_next_token(token).send();
                let page = Box::pin(asking).await.map_err(|e| DiscoverError::of(&e, call))?;
                let groups = page.groups.into_iter();
                let groups = groups.map(|group| (group.group_id, group.display_name.unwrap_or_default())).collect();
                Ok((groups, page.next_token.filter(|_| !last)))
            }
        });
        found.await.whole()
    }

    /// Whether this caller may ask what a group is assigned in all accounts, which only the management account may.
    ///
    /// See <https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListAccountAssignmentsForPrincipal.html>.
    pub(super) async fn may_ask_by_group(&self, instance: &Instance, group: &str) -> bool {
        let call = self.call(actions::LIST_ASSIGNMENTS_FOR_PRINCIPAL);
        self.rates.admin.wait().await;
        let asking = self.admin.list_account_assignments_for_principal().instance_arn(&instance.arn);
        let asking = asking.principal_id(group).principal_type(PrincipalType::Group).max_results(1).send();
        let refused = Box::pin(asking).await.map_err(|e| DiscoverError::of(&e, &call)).err();
        refused.is_none_or(|error| error.what() != DiscoverErrorKind::AccessDenied)
    }

    /// The permission sets that a group is assigned, account by account.
    pub(super) async fn assigned_to(&self, instance: &Instance, group: &str) -> Result<Vec<Pair>, DiscoverError> {
        let call = self.call(actions::LIST_ASSIGNMENTS_FOR_PRINCIPAL).on(format!("group {group}"));
        let found = read_pages(&call, |token| {
            let call = &call;
            async move {
                self.rates.admin.wait().await;
                let asking = self.admin.list_account_assignments_for_principal().instance_arn(&instance.arn);
                let asking = asking.principal_id(group).principal_type(PrincipalType::Group).max_results(PAGE);
                let page = Box::pin(asking.set_next_token(token).send()).await;
                let page = page.map_err(|e| DiscoverError::of(&e, call))?;
                let pairs = page.account_assignments.unwrap_or_default().into_iter();
                let pairs = pairs.map(|one| Some((one.account_id?.parse().ok()?, one.permission_set_arn?)));
                Ok((pairs.collect(), page.next_token))
            }
        });
        all(found.await.whole()?, &call)
    }

    /// The permission sets that have a role in the account.
    pub(super) async fn provisioned(
        &self,
        instance: &Instance,
        account: &AccountId,
    ) -> Result<Vec<String>, DiscoverError> {
        let call = self.call(actions::LIST_PROVISIONED_SETS).on(format!("account {account}"));
        let found = read_pages(&call, |token| {
            let call = &call;
            async move {
                self.rates.admin.wait().await;
                let asking = self.admin.list_permission_sets_provisioned_to_account().instance_arn(&instance.arn);
                let asking = asking.account_id(account.as_str()).max_results(PAGE).set_next_token(token);
                let page = Box::pin(asking.send()).await.map_err(|e| DiscoverError::of(&e, call))?;
                Ok((page.permission_sets.unwrap_or_default(), page.next_token))
            }
        });
        found.await.whole()
    }

    /// Who holds a permission set in an account.
    pub(super) async fn holders(&self, instance: &Instance, pair: &Pair) -> Result<BTreeSet<Holder>, DiscoverError> {
        let (account, set) = pair;
        let call = self.call(actions::LIST_ASSIGNMENTS).on(format!("{set} of account {account}"));
        let found = read_pages(&call, |token| {
            let call = &call;
            async move {
                self.rates.admin.wait().await;
                let asking = self.admin.list_account_assignments().instance_arn(&instance.arn);
                let asking = asking.account_id(account.as_str()).permission_set_arn(set).max_results(PAGE);
                let page = Box::pin(asking.set_next_token(token).send()).await;
                let page = page.map_err(|e| DiscoverError::of(&e, call))?;
                let holders = page.account_assignments.unwrap_or_default().into_iter();
                let holders = holders.map(|one| match one.principal_type? {
                    PrincipalType::Group => one.principal_id.map(Holder::Group),
                    PrincipalType::User => one.principal_id.map(Holder::User),
                    _ => None,
                });
                Ok((holders.collect(), page.next_token))
            }
        });
        Ok(all(found.await.whole()?, &call)?.into_iter().collect())
    }

    /// The name of a permission set.
    pub(super) async fn set_name(&self, instance: &Instance, set: &str) -> Result<String, DiscoverError> {
        let call = self.call(actions::DESCRIBE_PERMISSION_SET).on(set);
        self.rates.admin.wait().await;
        let asking = self.admin.describe_permission_set().instance_arn(&instance.arn).permission_set_arn(set).send();
        let answer = Box::pin(asking).await.map_err(|e| DiscoverError::of(&e, &call))?;
        let name = answer.permission_set.and_then(|set| set.name);
        name.ok_or_else(|| DiscoverError::new(DiscoverErrorKind::Other, &call, "it was told without its name"))
    }

    /// The name of a group or user; `None` where it is no more.
    pub(super) async fn holder_name(&self, store: &str, holder: &Holder) -> Result<Option<String>, DiscoverError> {
        let named = match holder {
            Holder::Group(id) => {
                let call = self.call(actions::DESCRIBE_GROUP).on(id);
                self.rates.group.wait().await;
                let asking = self.store.describe_group().identity_store_id(store).group_id(id).send();
                let answer = Box::pin(asking).await.map_err(|e| DiscoverError::of(&e, &call));
                answer.map(|group| group.display_name.unwrap_or_else(|| id.clone()))
            }
            Holder::User(id) => {
                let call = self.call(actions::DESCRIBE_USER).on(id);
                self.rates.user.wait().await;
                let asking = self.store.describe_user().identity_store_id(store).user_id(id).send();
                let answer = Box::pin(asking).await.map_err(|e| DiscoverError::of(&e, &call));
                answer.map(|user| user.user_name.unwrap_or_else(|| id.clone()))
            }
        };
        match named {
            Ok(name) => Ok(Some(name)),
            Err(error) if error.what() == DiscoverErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether it is the group that is missing, and not the directory in which it was looked for.
fn lacks_group(error: &SdkError<GetGroupIdError, HttpResponse>) -> bool {
    match error.as_service_error() {
        Some(GetGroupIdError::ResourceNotFoundException(missing)) => {
            missing.resource_type().is_none_or(|kind| *kind == ResourceType::Group)
        }
        _ => false,
    }
}

/// The list, if nothing in it was told in a way that cannot be read.
fn all<T>(items: Vec<Option<T>>, call: &Call) -> Result<Vec<T>, DiscoverError> {
    let unread = || DiscoverError::new(DiscoverErrorKind::Other, call, "an assignment was told that cannot be read");
    items.into_iter().collect::<Option<_>>().ok_or_else(unread)
}
