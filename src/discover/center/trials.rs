//! Whether what Identity Center is asked for is allowed.

use super::{
    Center,
    ask::{Holder, Instance},
};
use crate::{
    discover::{DiscoverError, Trial, actions},
    model::AccountId,
};

/// An id that nothing bears: what is asked about it is refused or not found, and either tells who may ask.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

impl Center {
    /// Tries each read that the directory group of this name may take, in an account of the organization. Calls about
    /// what only another call tells of are left out where that one fails. Asking by group is left out where it is
    /// refused: only the management account may, and the others ask account by account.
    pub async fn trials(&self, group: &str, account: &AccountId) -> Vec<Trial> {
        let instance = self.instance().await;
        let mut trials = vec![(actions::LIST_INSTANCES, instance.as_ref().map(drop).map_err(Clone::clone))];
        if let Ok(Some(instance)) = instance {
            trials.extend(self.of_group(&instance, group).await);
            trials.extend(self.of_account(&instance, account).await);
        }
        trials
    }

    async fn of_group(&self, instance: &Instance, group: &str) -> Vec<Trial> {
        let store = &instance.store;
        let id = self.group_id(store, group).await;
        let known = id.as_ref().ok().cloned().flatten().unwrap_or_else(|| NOBODY.to_owned());
        let by_group = self.may_ask_by_group(instance, &known).await;
        let mut trials = vec![
            (actions::GET_GROUP_ID, id.map(drop)),
            (actions::LIST_GROUPS, self.groups(store, None, 1).await.map(drop)),
            (actions::DESCRIBE_GROUP, self.holder_name(store, &Holder::Group(known)).await.map(drop)),
            (actions::DESCRIBE_USER, self.holder_name(store, &Holder::User(NOBODY.to_owned())).await.map(drop)),
        ];
        if by_group {
            trials.push((actions::LIST_ASSIGNMENTS_FOR_PRINCIPAL, Ok(())));
        }
        trials
    }

    async fn of_account(&self, instance: &Instance, account: &AccountId) -> Vec<Trial> {
        let sets = self.provisioned(instance, account).await;
        let set = sets.as_ref().ok().and_then(|sets| sets.first().cloned());
        let mut trials: Vec<(_, Result<(), DiscoverError>)> = vec![(actions::LIST_PROVISIONED_SETS, sets.map(drop))];
        if let Some(set) = set {
            trials.push((actions::DESCRIBE_PERMISSION_SET, self.set_name(instance, &set).await.map(drop)));
            let pair = (account.clone(), set);
            trials.push((actions::LIST_ASSIGNMENTS, self.holders(instance, &pair).await.map(drop)));
        }
        trials
    }
}
