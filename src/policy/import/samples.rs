//! Clusters for tests, as they were read.

use std::collections::BTreeMap;

use crate::model::{
    AccessScope, Account, AuthenticationMode, AwsAuth, Cluster, ClusterId, ClusterState, EntriesState, Identities,
    Identity, Lookup, ObjectRef, Observed, ObservedBinding, ObservedEntry, ObservedRole, PolicyGrant, Principal,
    RbacKind, RbacState, RbacSubject, Region, RoleRef, Rule, STANDARD, SubjectKind, samples,
};

/// The accounts of the tests: id, name, unit, stage.
pub(super) const ACCOUNTS: [(&str, &str, &str, &str); 4] = [
    ("111111111111", "shop-dev", "/Workloads/Dev", "dev"),
    ("222222222222", "pay-dev", "/Workloads/Dev/Pay", "dev"),
    ("333333333333", "shop-prod", "/Workloads/Prod", "prod"),
    ("444444444444", "tools", "/Shared", "tools"),
];

pub(super) const SUFFIX: &str = "0123456789abcdef";

pub(super) struct One {
    pub(super) cluster: Cluster,
    pub(super) state: ClusterState,
    pub(super) identities: Identities,
}

fn account(index: usize) -> Account {
    let (id, name, unit, stage) = ACCOUNTS[index];
    let tags = BTreeMap::from([("stage".to_owned(), stage.to_owned())]);
    Account { id: id.parse().unwrap(), name: name.to_owned(), ou_path: Some(unit.to_owned()), tags: Some(tags) }
}

pub(super) fn one(account_index: usize, name: &str, mode: AuthenticationMode) -> One {
    let account = account(account_index);
    let id = ClusterId { account: account.id.clone(), region: Region::new("eu-west-1"), name: name.to_owned() };
    let found = |principal: Principal, resource: String| {
        let arn = format!("arn:aws:iam::{}:{resource}", account.id).parse().unwrap();
        let identity = Identity { unique_id: Some(format!("ID-{resource}")), arn, created: None };
        (principal, Lookup::Found(vec![identity]))
    };
    let set = format!("AWSReservedSSO_Dev_{SUFFIX}");
    let sso = format!("role/aws-reserved/sso.amazonaws.com/{set}");
    let mut known = BTreeMap::from([
        found(Principal::PermissionSet("Dev".to_owned()), sso.clone()),
        found(Principal::RoleName(set), sso),
        found(Principal::RoleName("ci".to_owned()), "role/build/ci".to_owned()),
        found(Principal::RoleName("node".to_owned()), "role/node".to_owned()),
        found(Principal::UserName("eve".to_owned()), "user/ops/eve".to_owned()),
    ]);
    known.extend(
        ["gone", "AWSReservedSSO_Old_0123456789abcdef"]
            .map(|name| (Principal::RoleName(name.to_owned()), Lookup::Missing)),
    );
    let state = ClusterState {
        aws_auth: Observed::Known(None),
        entries: Observed::Known(mode.reads_entries().then(EntriesState::default)),
        rbac: Observed::Known(RbacState::default()),
    };
    let cluster = Cluster { id, account, authentication_mode: mode, ..samples::cluster(name) };
    One { cluster, state, identities: Identities { found: known, ..Identities::default() } }
}

impl One {
    pub(super) fn rows(mut self, sections: &[(&str, &str)]) -> Self {
        let text = |text: &str| text.replace("ACCOUNT", self.cluster.id.account.as_str());
        let data = sections.iter().map(|(key, rows)| ((*key).to_owned(), text(rows))).collect();
        self.state.aws_auth = Observed::Known(Some(AwsAuth {
            uid: "u".to_owned(),
            resource_version: "1".to_owned(),
            data,
            annotations: BTreeMap::new(),
            managers: Vec::new(),
            immutable: false,
        }));
        self
    }

    pub(super) fn entry(
        mut self,
        resource: &str,
        username: &str,
        groups: &[&str],
        policies: &[(&str, AccessScope)],
    ) -> Self {
        let Observed::Known(Some(state)) = &mut self.state.entries else { panic!("no entries are read") };
        let grant = |(name, scope): &(&str, AccessScope)| PolicyGrant {
            policy: format!("arn:aws:eks::aws:cluster-access-policy/{name}"),
            scope: scope.clone(),
        };
        state.entries.push(ObservedEntry {
            principal: format!("arn:aws:iam::{}:{resource}", self.cluster.id.account),
            username: username.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            kind: STANDARD.to_owned(),
            ours: false,
            created: jiff::Timestamp::UNIX_EPOCH,
            modified: jiff::Timestamp::UNIX_EPOCH,
            policies: Some(policies.iter().map(grant).collect()),
            associated: None,
            remembered: None,
        });
        self
    }

    pub(super) fn bound(
        mut self,
        name: &str,
        kind: SubjectKind,
        subject: &str,
        role: &str,
        namespace: Option<&str>,
    ) -> Self {
        let Observed::Known(rbac) = &mut self.state.rbac else { panic!() };
        let object_kind = if namespace.is_some() { RbacKind::RoleBinding } else { RbacKind::ClusterRoleBinding };
        let namespace = namespace.map(str::to_owned);
        rbac.bindings.push(ObservedBinding {
            object: ObjectRef { kind: object_kind, namespace, name: name.to_owned() },
            role_ref: RoleRef { kind: RbacKind::ClusterRole, name: role.to_owned() },
            subjects: vec![RbacSubject { kind, name: subject.to_owned(), namespace: None }],
            ours: false,
            uid: "u".to_owned(),
            resource_version: "1".to_owned(),
            managers: Vec::new(),
        });
        self
    }

    pub(super) fn role(mut self, name: &str, verbs: &[&str], labels: &[(&str, &str)]) -> Self {
        let Observed::Known(rbac) = &mut self.state.rbac else { panic!() };
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        rbac.roles.push(ObservedRole {
            object: ObjectRef { kind: RbacKind::ClusterRole, namespace: None, name: name.to_owned() },
            rules: vec![Rule {
                api_groups: texts(&[""]),
                resources: texts(&["pods"]),
                verbs: texts(verbs),
                ..Rule::default()
            }],
            aggregated: false,
            ours: false,
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            uid: "u".to_owned(),
            resource_version: "1".to_owned(),
            managers: Vec::new(),
        });
        self
    }
}
