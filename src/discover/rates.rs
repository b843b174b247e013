//! How often each service may be asked.
//!
//! A rate counts requests of rolecall; what the SDK repeats after it was throttled comes on top and backs off by itself.

use std::{num::NonZeroU32, ops::Add, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::{sync::Mutex, time::Instant};

/// A token bucket: so many calls at once, and so many more each second.
#[derive(Debug)]
pub(super) struct Rate {
    bucket: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Moment>>,
    /// Who waits stands in line, so that one clock runs for all of them and nobody is overtaken.
    line: Mutex<()>,
    #[cfg(test)]
    passed: std::sync::atomic::AtomicUsize,
}

impl Rate {
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let cells = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(cells(per_second)).allow_burst(cells(burst));
        Self {
            bucket: RateLimiter::direct_with_clock(quota, TokioClock::default()),
            line: Mutex::new(()),
            #[cfg(test)]
            passed: std::sync::atomic::AtomicUsize::default(),
        }
    }

    /// Waits until one more call may be made.
    pub(super) async fn wait(&self) {
        let _first = self.line.lock().await;
        while let Err(not_yet) = self.bucket.check() {
            tokio::time::sleep(not_yet.wait_time_from(self.bucket.clock().now())).await;
        }
        #[cfg(test)]
        self.passed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }

    /// How many calls were let through.
    #[cfg(test)]
    pub(super) fn passed(&self) -> usize {
        self.passed.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// The documented rates of the hub's services. Those of Organizations hold for the whole account; that of STS for each
/// account and region, charged to the caller, so that every AssumeRole into a member account counts here.
///
/// See <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html#throttling-limits> and
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-sts-requests>.
#[derive(Debug)]
pub(super) struct HubRates {
    pub(super) describe_organization: Rate,
    pub(super) list_accounts: Rate,
    pub(super) list_roots: Rate,
    pub(super) list_units: Rate,
    pub(super) list_accounts_for_parent: Rate,
    pub(super) list_tags: Rate,
    pub(super) sts: Rate,
}

impl HubRates {
    pub(super) fn documented() -> Self {
        Self {
            describe_organization: Rate::new(1, 2),
            list_accounts: Rate::new(8, 12),
            list_roots: Rate::new(1, 2),
            list_units: Rate::new(5, 8),
            list_accounts_for_parent: Rate::new(5, 8),
            list_tags: Rate::new(10, 15),
            // The bucket holds one second's worth at most: so bucket and refill of any second stay within the rate.
            sts: Rate::new(300, 300),
        }
    }
}

/// The documented rates of Identity Center: those of its administration hold for all of its calls together, those of its
/// directory for each.
///
/// See <https://docs.aws.amazon.com/singlesignon/latest/userguide/limits.html>.
#[derive(Debug)]
pub(super) struct CenterRates {
    pub(super) admin: Rate,
    pub(super) group_id: Rate,
    pub(super) groups: Rate,
    pub(super) group: Rate,
    pub(super) user: Rate,
}

impl CenterRates {
    pub(super) fn documented() -> Self {
        // No burst is documented: what may come at once and what comes after make up the rate of any second.
        let rate = || Rate::new(18, 2);
        Self { admin: rate(), group_id: rate(), groups: rate(), group: rate(), user: rate() }
    }
}

/// The rate of one service in one account, and region where it has them, for the services for which AWS publishes none
/// (EKS, IAM, Account Management). An account of ordinary size is read within the burst; one of a thousand clusters is
/// read at a pace that leaves room for those who work there.
pub(super) fn member_rate() -> Rate {
    Rate::new(20, 100)
}

/// Tokio's clock, by which the waiting goes too, so that both can be stopped in a test.
#[derive(Clone, Debug)]
struct TokioClock {
    start: Instant,
}

impl Default for TokioClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for TokioClock {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(self.start.elapsed())
    }
}

/// Time since the clock's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(Duration);

impl Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, more: Nanos) -> Self {
        Self(self.0.saturating_add(more.into()))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    /// The moments at which so many calls are let through that all come at once.
    async fn moments(rate: &Rate, calls: usize) -> Vec<Duration> {
        let start = Instant::now();
        let calls = (0..calls).map(|_| async {
            rate.wait().await;
            start.elapsed()
        });
        let mut moments = futures::future::join_all(calls).await;
        moments.sort();
        moments
    }

    /// The most calls that fall into any span of that length.
    fn most_within(moments: &[Duration], span: Duration) -> usize {
        let from = |start: &Duration| moments.iter().filter(|it| **it >= *start && **it < *start + span).count();
        moments.iter().map(from).max().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_calls_at_once_stay_within_the_documented_rates() {
        let rates = HubRates::documented();
        let documented = [
            (&rates.describe_organization, 1, 2),
            (&rates.list_accounts, 8, 12),
            (&rates.list_roots, 1, 2),
            (&rates.list_units, 5, 8),
            (&rates.list_accounts_for_parent, 5, 8),
            (&rates.list_tags, 10, 15),
            (&rates.sts, 600, 0),
            (&CenterRates::documented().admin, 20, 0),
        ];
        for (rate, per_second, burst) in documented {
            let moments = moments(rate, 1000).await;
            for seconds in [1, 10] {
                let most = most_within(&moments, Duration::from_secs(seconds));
                let allowed = burst + per_second * usize::try_from(seconds).unwrap();
                assert!(most <= allowed, "{most} calls in {seconds} s, {allowed} are allowed");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_of_ordinary_size_is_never_held_up() {
        let moments = moments(&member_rate(), 100).await;
        assert_eq!(moments.last(), Some(&Duration::ZERO));
    }
}
