//! The access policies associated with access entries.

use std::collections::BTreeMap;

use aws_sdk_eks::types;

use super::{
    Miss, Place,
    entries::{Expected, Looks, conflict},
};
use crate::{
    connect::{self, EksFault},
    model::{AccessScope, Unreadable},
};

const LIST_POLICIES: &str = "eks:ListAssociatedAccessPolicies";
const ASSOCIATE: &str = "eks:AssociateAccessPolicy";
const DISASSOCIATE: &str = "eks:DisassociateAccessPolicy";

impl Place<'_> {
    /// Associates a policy, or changes where it holds, when it still is as the plan saw it.
    pub(super) async fn associate(
        self,
        principal: &str,
        expected: Expected<'_>,
        policy: &str,
        scopes: (Option<&AccessScope>, &AccessScope),
    ) -> Result<(), Miss> {
        let eks = self.eks()?;
        self.expect_policy(principal, expected, policy, scopes.0).await?;
        let scope = match scopes.1 {
            AccessScope::Cluster => types::AccessScope::builder().r#type(types::AccessScopeType::Cluster),
            AccessScope::Namespaces(names) => types::AccessScope::builder()
                .r#type(types::AccessScopeType::Namespace)
                .set_namespaces(Some(names.clone())),
        };
        let call = eks.client().associate_access_policy().cluster_name(eks.name()).principal_arn(principal);
        let call = call.policy_arn(policy).access_scope(scope.build());
        eks.ask(ASSOCIATE, Some(principal), call.send()).await.map_err(|error| match error.fault {
            EksFault::NotFound => Miss::Failed(Unreadable {
                next: Some(
                    "See whether the access policy exists (`aws eks list-access-policies`) and whether somebody deleted \
                     the access entry."
                        .to_owned(),
                ),
                ..error.why
            }),
            _ => Miss::Failed(error.why),
        })?;
        self.policy_settled(principal, policy, Some(scopes.1)).await
    }

    /// Takes a policy away when it still is as the plan saw it. One that is gone already is done.
    pub(super) async fn disassociate(
        self,
        principal: &str,
        expected: Expected<'_>,
        policy: &str,
        before: &AccessScope,
    ) -> Result<(), Miss> {
        let eks = self.eks()?;
        if !self.policies(principal).await?.contains_key(policy) {
            return Ok(());
        }
        self.expect_policy(principal, expected, policy, Some(before)).await?;
        let call = eks.client().disassociate_access_policy().cluster_name(eks.name()).principal_arn(principal);
        match eks.ask(DISASSOCIATE, Some(principal), call.policy_arn(policy).send()).await {
            Err(error) if error.fault != EksFault::NotFound => return Err(Miss::Failed(error.why)),
            _ => {}
        }
        self.policy_settled(principal, policy, None).await
    }

    async fn expect_policy(
        self,
        principal: &str,
        expected: Expected<'_>,
        policy: &str,
        before: Option<&AccessScope>,
    ) -> Result<(), Miss> {
        self.expect(principal, expected).await?;
        if self.policies(principal).await?.get(policy) != before {
            return Err(conflict(principal, "its access policies are not what the plan had seen"));
        }
        Ok(())
    }

    async fn policies(self, principal: &str) -> Result<BTreeMap<String, AccessScope>, Miss> {
        let eks = self.eks()?;
        let mut held = BTreeMap::new();
        let mut token: Option<String> = None;
        loop {
            let call = eks.client().list_associated_access_policies().cluster_name(eks.name()).principal_arn(principal);
            let call = call.set_next_token(token.clone());
            let page = match eks.ask(LIST_POLICIES, Some(principal), call.send()).await {
                Ok(page) => page,
                Err(error) if error.fault == EksFault::NotFound => return Ok(held),
                Err(error) => return Err(Miss::Failed(error.why)),
            };
            held.extend(
                page.associated_access_policies()
                    .iter()
                    .filter_map(connect::policy_grant)
                    .map(|grant| (grant.policy, grant.scope)),
            );
            match page.next_token.filter(|next| !next.is_empty()) {
                Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                _ => return Ok(held),
            }
        }
    }

    async fn policy_settled(self, principal: &str, policy: &str, scope: Option<&AccessScope>) -> Result<(), Miss> {
        let mut looks = Looks::new(self.until);
        loop {
            if self.policies(principal).await?.get(policy) == scope {
                return Ok(());
            }
            if !looks.again().await {
                return Err(conflict(principal, "its access policies are not what was written"));
            }
        }
    }
}
