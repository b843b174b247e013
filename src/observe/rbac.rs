//! The RBAC objects: ours by their label, then by name what the policy still needs to know.

use std::{collections::BTreeSet, fmt::Debug};

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::{core::v1::Namespace, rbac::v1 as api};
use kube::{Api, api::ListParams};
use serde::de::DeserializeOwned;

use super::convert::IntoModel;
use crate::{
    connect::{self, path_segment},
    model::{
        ClusterId, Desired, DesiredBinding, MANAGED_BY, MANAGER, ObjectRef, ObservedBinding, ObservedRole, RbacKind,
        RbacState, Unreadable, binding_name,
    },
};

/// How many objects one page holds.
const PAGE: u32 = 500;
/// How many objects are asked for by name at a time: what a usual policy asks of a new cluster, at once.
const AT_ONCE: usize = 12;

/// Where the reads go.
#[derive(Clone, Copy)]
struct Place<'a> {
    client: &'a kube::Client,
    cluster: &'a ClusterId,
}

/// Everything of RBAC that the policy may speak of.
pub(super) async fn read(
    client: &kube::Client,
    cluster: &ClusterId,
    desired: &Desired,
) -> Result<RbacState, Unreadable> {
    let place = Place { client, cluster };
    let mut state = place.all(Whose::Rolecalls).await?;
    state.missing_namespaces = place.missing_namespaces(desired, &state).await?;
    let open = Open::of(desired, &state);
    let (found, others) = futures::try_join!(
        place.get_all(open.names.union(&open.granted).cloned().collect()),
        place.others(desired, &state),
    )?;
    for found in found {
        match found {
            // That it exists is all that is asked of it.
            Found::Role(role) if open.granted.contains(&role.object) => {}
            Found::Role(role) => state.roles.push(*role),
            Found::Binding(binding) => state.bindings.push(*binding),
            Found::Nothing(name) if open.granted.contains(&name) => drop(state.missing_roles.insert(name)),
            Found::Nothing(_) => {}
        }
    }
    let known: BTreeSet<ObjectRef> = state.bindings.iter().map(|binding| binding.object.clone()).collect();
    state.bindings.extend(others.into_iter().filter(|binding| !known.contains(&binding.object)));
    Ok(state)
}

/// Every role and binding of the cluster, whoever made it.
pub(super) async fn read_all(client: &kube::Client, cluster: &ClusterId) -> Result<RbacState, Unreadable> {
    Place { client, cluster }.all(Whose::Everybodys).await
}

/// Which objects a list shall hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Rolecalls,
    Everybodys,
}

/// What has to be asked for by name, since no object of ours tells of it.
struct Open {
    /// The names that new objects would get.
    names: BTreeSet<ObjectRef>,
    /// The roles that new bindings name, that the policy does not define and of which nothing of ours tells.
    granted: BTreeSet<ObjectRef>,
}

impl Open {
    fn of(desired: &Desired, state: &RbacState) -> Self {
        // The wanted objects of a namespace that does not exist do not exist either.
        let there =
            |namespace: &Option<String>| namespace.as_ref().is_none_or(|name| !state.missing_namespaces.contains(name));
        let new: Vec<&DesiredBinding> =
            desired.bindings.iter().filter(|wanted| there(&wanted.namespace) && !is_bound(wanted, state)).collect();
        let defined: BTreeSet<ObjectRef> =
            desired.roles.iter().map(|role| role_object(role.namespace.as_ref(), &role.name)).collect();
        let mut names: BTreeSet<ObjectRef> = new.iter().map(|wanted| binding_object(wanted)).collect();
        names.extend(defined.iter().filter(|role| there(&role.namespace)).cloned());
        for known in state.roles.iter().map(|it| &it.object).chain(state.bindings.iter().map(|it| &it.object)) {
            names.remove(known);
        }
        let ours: BTreeSet<&ObjectRef> = state.roles.iter().map(|role| &role.object).collect();
        let granted = new.iter().map(|wanted| granted_role(wanted));
        Self { names, granted: granted.filter(|role| !defined.contains(role) && !ours.contains(role)).collect() }
    }
}

/// What asking for an object by name gave.
enum Found {
    Role(Box<ObservedRole>),
    Binding(Box<ObservedBinding>),
    Nothing(ObjectRef),
}

impl Place<'_> {
    /// What carries our label, or everything, from four lists.
    async fn all(self, whose: Whose) -> Result<RbacState, Unreadable> {
        let client = || self.client.clone();
        let (cluster_roles, roles, cluster_bindings, bindings) = futures::try_join!(
            self.list(Api::<api::ClusterRole>::all(client()), "clusterroles", whose),
            self.list(Api::<api::Role>::all(client()), "roles", whose),
            self.list(Api::<api::ClusterRoleBinding>::all(client()), "clusterrolebindings", whose),
            self.list(Api::<api::RoleBinding>::all(client()), "rolebindings", whose),
        )?;
        Ok(RbacState {
            roles: cluster_roles.into_iter().chain(roles).collect(),
            bindings: cluster_bindings.into_iter().chain(bindings).collect(),
            missing_namespaces: BTreeSet::new(),
            missing_roles: BTreeSet::new(),
        })
    }

    /// The bindings of others that grant what the policy wants and nothing of ours grants.
    async fn others(self, desired: &Desired, state: &RbacState) -> Result<Vec<ObservedBinding>, Unreadable> {
        let open: Vec<&DesiredBinding> = desired.bindings.iter().filter(|wanted| !is_bound(wanted, state)).collect();
        let mut found = Vec::new();
        if open.iter().any(|wanted| wanted.namespace.is_none()) {
            let api = Api::<api::ClusterRoleBinding>::all(self.client.clone());
            found.extend(self.list(api, "clusterrolebindings", Whose::Everybodys).await?);
        }
        let namespaces: BTreeSet<&String> = open.iter().filter_map(|wanted| wanted.namespace.as_ref()).collect();
        if !namespaces.is_subset(&state.missing_namespaces.iter().collect()) {
            let api = Api::<api::RoleBinding>::all(self.client.clone());
            found.extend(self.list(api, "rolebindings", Whose::Everybodys).await?);
        }
        found.retain(|binding| !binding.ours && open.iter().any(|wanted| is_granted_by(wanted, binding)));
        Ok(found)
    }

    /// Every page of a list. A list that expires between two pages is begun anew once; it is never given in part.
    async fn list<K>(self, api: Api<K>, kind: &str, whose: Whose) -> Result<Vec<K::Model>, Unreadable>
    where
        K: IntoModel + Clone + DeserializeOwned + Debug,
    {
        let doing = match whose {
            Whose::Rolecalls => format!("listing rolecall's {kind}"),
            Whose::Everybodys => format!("listing all {kind}"),
        };
        let expired = |error: &kube::Error| matches!(error, kube::Error::Api(status) if status.code == 410);
        let pages = match pages(&api, whose).await {
            Err(error) if expired(&error) => pages(&api, whose).await,
            result => result,
        };
        pages
            .map_err(|error| connect::unreadable(&error, &doing, self.cluster))?
            .into_iter()
            .map(|object| object.into_model().map_err(|what| connect::server_error(&what, &doing, self.cluster)))
            .collect()
    }

    /// The namespaces of wanted objects that do not exist. Those in which something of ours was seen do.
    async fn missing_namespaces(self, desired: &Desired, state: &RbacState) -> Result<BTreeSet<String>, Unreadable> {
        let objects = state.roles.iter().map(|role| &role.object).chain(state.bindings.iter().map(|it| &it.object));
        let seen: BTreeSet<&String> = objects.filter_map(|object| object.namespace.as_ref()).collect();
        let wanted: BTreeSet<&String> = desired
            .roles
            .iter()
            .filter_map(|role| role.namespace.as_ref())
            .chain(desired.bindings.iter().filter_map(|binding| binding.namespace.as_ref()))
            .collect();
        let open: Vec<String> = wanted.difference(&seen).map(|name| (*name).clone()).collect();
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespaces = &namespaces;
        stream::iter(open)
            .map(|name| async move {
                let found = namespaces
                    .get_opt(&path_segment(&name))
                    .await
                    .map_err(|error| connect::unreadable(&error, &format!("reading namespace {name}"), self.cluster))?;
                // One that is being deleted takes nothing new and is as good as gone.
                let there = found.is_some_and(|found| found.metadata.deletion_timestamp.is_none());
                Ok((!there).then_some(name))
            })
            .buffered(AT_ONCE)
            .try_filter_map(|missing| async move { Ok(missing) })
            .try_collect()
            .await
    }

    /// The objects of these names.
    async fn get_all(self, names: BTreeSet<ObjectRef>) -> Result<Vec<Found>, Unreadable> {
        stream::iter(names).map(|name| self.get(name)).buffered(AT_ONCE).try_collect().await
    }

    /// One object by its name.
    async fn get(self, name: ObjectRef) -> Result<Found, Unreadable> {
        let client = self.client.clone();
        let namespace = path_segment(name.namespace.as_deref().unwrap_or_default());
        Ok(match name.kind {
            RbacKind::ClusterRole => {
                self.one(Api::<api::ClusterRole>::all(client), &name).await?.map(|role| Found::Role(Box::new(role)))
            }
            RbacKind::Role => {
                let api = Api::<api::Role>::namespaced(client, &namespace);
                self.one(api, &name).await?.map(|role| Found::Role(Box::new(role)))
            }
            RbacKind::ClusterRoleBinding => {
                let api = Api::<api::ClusterRoleBinding>::all(client);
                self.one(api, &name).await?.map(|binding| Found::Binding(Box::new(binding)))
            }
            RbacKind::RoleBinding => {
                let api = Api::<api::RoleBinding>::namespaced(client, &namespace);
                self.one(api, &name).await?.map(|binding| Found::Binding(Box::new(binding)))
            }
        }
        .unwrap_or(Found::Nothing(name)))
    }

    async fn one<K>(self, api: Api<K>, name: &ObjectRef) -> Result<Option<K::Model>, Unreadable>
    where
        K: IntoModel + Clone + DeserializeOwned + Debug,
    {
        let doing = format!("reading {name}");
        let found = api
            .get_opt(&path_segment(&name.name))
            .await
            .map_err(|error| connect::unreadable(&error, &doing, self.cluster))?;
        found
            .map(|object| object.into_model().map_err(|what| connect::server_error(&what, &doing, self.cluster)))
            .transpose()
    }
}

async fn pages<K: Clone + DeserializeOwned + Debug>(api: &Api<K>, whose: Whose) -> Result<Vec<K>, kube::Error> {
    let mut params = ListParams::default().limit(PAGE);
    if whose == Whose::Rolecalls {
        params = params.labels(&format!("{MANAGED_BY}={MANAGER}"));
    }
    let mut objects = Vec::new();
    loop {
        let page = api.list(&params).await?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

/// Whether something of ours binds exactly this, under whatever name.
fn is_bound(wanted: &DesiredBinding, state: &RbacState) -> bool {
    state.bindings.iter().any(|binding| binding.ours && binding.subjects.len() == 1 && is_granted_by(wanted, binding))
}

/// Whether the binding grants this, and perhaps more to others.
fn is_granted_by(wanted: &DesiredBinding, binding: &ObservedBinding) -> bool {
    binding.object.namespace == wanted.namespace
        && binding.role_ref == wanted.role_ref
        && binding.subjects.contains(&wanted.subject)
}

/// The name that the binding would get.
fn binding_object(wanted: &DesiredBinding) -> ObjectRef {
    let kind = if wanted.namespace.is_some() { RbacKind::RoleBinding } else { RbacKind::ClusterRoleBinding };
    ObjectRef { kind, namespace: wanted.namespace.clone(), name: binding_name(&wanted.subject, &wanted.role_ref) }
}

fn granted_role(wanted: &DesiredBinding) -> ObjectRef {
    let namespace = if wanted.role_ref.kind == RbacKind::Role { wanted.namespace.as_ref() } else { None };
    role_object(namespace, &wanted.role_ref.name)
}

fn role_object(namespace: Option<&String>, name: &str) -> ObjectRef {
    let kind = if namespace.is_some() { RbacKind::Role } else { RbacKind::ClusterRole };
    ObjectRef { kind, namespace: namespace.cloned(), name: name.to_owned() }
}
