//! Why a principal gets into a cluster, or why not. Pure: what was read comes in, the chain goes out.

mod live;
mod rbac;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use crate::model::{
    Answer, Arn, Cluster, ClusterState, Desired, DesiredRow, Explanation, Grant, Identity, Lookup, Principal,
    permission_set_of,
};

/// Explains what the principals asked for can do on one cluster. `asked` is what the cluster's account knows of them; an ARN
/// that it does not know is taken as it is, since EKS compares ARNs and nothing else.
///
/// `state.rbac` is expected to hold every role and binding of the cluster.
pub fn explain(
    cluster: &Cluster,
    asked: Vec<(Principal, Lookup)>,
    desired: &Desired,
    state: &ClusterState,
) -> Explanation {
    let mut identities: Vec<Identity> = Vec::new();
    for identity in asked.iter().flat_map(|(principal, lookup)| identities_of(principal, lookup)) {
        if !identities.iter().any(|known| known.arn == identity.arn) {
            identities.push(identity);
        }
    }
    let live = live::Live::of(cluster, state);
    let answers = identities.into_iter().map(|identity| answer(identity, desired, state, &live)).collect();
    let gaps = [state.aws_auth.unknown(), state.entries.unknown(), state.rbac.unknown()];
    let mut unknown: Vec<String> = gaps.into_iter().flatten().map(ToString::to_string).collect();
    unknown.extend(desired.unknown.iter().cloned());
    unknown.extend(asked.iter().filter_map(|(principal, lookup)| match lookup {
        Lookup::Unknown(why) => Some(format!("{principal} could not be looked up: {why}")),
        _ => None,
    }));
    unknown.dedup();
    Explanation { cluster: cluster.clone(), asked, answers, unknown }
}

fn identities_of(principal: &Principal, lookup: &Lookup) -> Vec<Identity> {
    match (lookup, principal) {
        (Lookup::Found(found), _) if !found.is_empty() => found.clone(),
        (_, Principal::RoleArn(arn) | Principal::UserArn(arn)) => {
            vec![Identity { arn: arn.clone(), unique_id: None, created: None }]
        }
        _ => Vec::new(),
    }
}

fn answer(identity: Identity, desired: &Desired, state: &ClusterState, live: &live::Live<'_>) -> Answer {
    let wanted = desired.rows.iter().find(|row| is_same(&row.principal, &identity.arn));
    let mappings = live.mappings(&identity);
    let counts = mappings.iter().find(|mapping| mapping.void.is_none());
    let bindings = match (counts, state.rbac.known()) {
        (Some(mapping), Some(rbac)) => rbac::bound(&mapping.grant, rbac),
        _ => Vec::new(),
    };
    Answer {
        permission_set: identity.arn.role_name().and_then(permission_set_of).map(str::to_owned),
        arn: identity.arn.to_string(),
        unique_id: identity.unique_id,
        created: identity.created,
        wanted: wanted.map(grant),
        sources: wanted.map(|row| row.sources.clone()).unwrap_or_default(),
        who: wanted.map(|row| row.who.clone()),
        live: mappings,
        bindings,
    }
}

fn grant(row: &DesiredRow) -> Grant {
    Grant { username: row.username.clone(), groups: row.groups.clone(), policies: row.policies.clone() }
}

/// Names are unique within an account whatever their path and case, and a policy may leave the path out.
fn is_same(one: &Arn, other: &Arn) -> bool {
    one.without_role_path().to_string().eq_ignore_ascii_case(&other.without_role_path().to_string())
}
