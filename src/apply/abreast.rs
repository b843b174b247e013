//! Steps that do not build upon each other, side by side.
//!
//! Most of the time of a write is its way to the server and back, and a cluster that is seen for the first time takes
//! dozens of them.

use futures::{StreamExt, stream::FuturesOrdered};

use super::{Deadline, Left, Place, log, order::Progress};
use crate::model::{Plan, RbacKind, Step, Write};

/// How many writes to one cluster are under way at the same time. The API server gives each client a share of what it
/// does at once: <https://kubernetes.io/docs/concepts/cluster-administration/flow-control/>.
pub(super) const AT_ONCE: usize = 8;

/// What a step may be carried out beside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// An addition or change of a role.
    Role,
    /// One of a binding, which may need a role that the plan makes before it.
    Binding,
    /// Nothing: what it builds upon, or whether it may be begun at all, is known only when the one before is done.
    Alone,
}

impl Sort {
    fn of(step: &Step) -> Self {
        match &step.write {
            // Each removal waits to see whether the one before it succeeded.
            _ if step.removes => Self::Alone,
            Write::ApplyObject { object, .. } => match object.kind {
                RbacKind::ClusterRole | RbacKind::Role => Self::Role,
                RbacKind::ClusterRoleBinding | RbacKind::RoleBinding => Self::Binding,
            },
            _ => Self::Alone,
        }
    }
}

/// The steps that come next and may be carried out side by side, at least one; the plan's order stays as it is.
pub(super) fn next(steps: &[Step]) -> &[Step] {
    let Some((first, rest)) = steps.split_first() else { return steps };
    let sort = Sort::of(first);
    let beside = if sort == Sort::Alone { 0 } else { rest.iter().take_while(|step| Sort::of(step) == sort).count() };
    steps.get(..=beside).unwrap_or_default()
}

impl Place<'_> {
    /// Carries out steps of the plan, of which the first has this index, side by side. What became of them is recorded in
    /// the plan's order; as soon as one says that there is no use in more, no more is begun.
    pub(super) async fn carry_out_abreast(
        self,
        plan: &Plan,
        first: usize,
        steps: &[Step],
        deadline: Deadline,
        progress: &mut Progress,
    ) {
        let mut waiting = (first..).zip(steps);
        let mut under_way = FuturesOrdered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some((index, step)) = waiting.next()
            {
                let verdict = deadline.verdict(progress, index, step);
                under_way.push_back(async move {
                    match verdict {
                        Some(result) => (step, result),
                        None => (step, self.carry_out(step, &mut Left::default()).await),
                    }
                });
            }
            let Some((step, result)) = under_way.next().await else { return };
            log(plan, step, &result);
            progress.record(step, result);
        }
    }
}
