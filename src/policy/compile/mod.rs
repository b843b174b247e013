//! What a policy wants for one cluster.
//!
//! A principal about which anything is in doubt (a selector undecided, IAM unread, two lines that contradict each other)
//! gets no row at all, and the doubt stands in `Desired::unknown`: what it has on the cluster then stays as it is, since
//! a row made of the decided lines alone could take groups away.

mod doubt;
mod rbac;
mod resolve;
mod rows;

use jiff::civil::Date;

use self::doubt::Undecided;
use super::entry::Policy;
use crate::model::{Cluster, Desired, Identities, Source};

/// What the policy wants for the cluster, given what the IAM of its account knows and the date, by which grants end.
///
/// The time it takes grows with the number of entries, not with its square.
pub fn compile(policy: &Policy, cluster: &Cluster, identities: &Identities, today: Date) -> Desired {
    let mut desired = Desired::default();
    let mut undecided = Undecided::default();
    rbac::roles(policy, cluster, &mut undecided, &mut desired);
    rbac::bindings(policy, cluster, &mut undecided, &mut desired);
    rows::rows(policy, cluster, identities, today, &mut undecided, &mut desired);
    undecided.report(&mut desired);
    desired
}

fn push_once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// `policy.yaml:3, policy.yaml:9 and 4 more`.
fn lines(sources: &[Source]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = sources.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = sources.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod properties;
