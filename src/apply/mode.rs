//! The authentication mode of a cluster.
//!
//! See <https://docs.aws.amazon.com/eks/latest/userguide/setting-up-access-entries.html>.

use aws_sdk_eks::types::{self, AuthenticationMode as Mode, ClusterStatus, UpdateStatus};
use tokio::time::{Duration, Instant, sleep};

use super::{Miss, Place};
use crate::{
    connect::{Eks, EksFault},
    model::{AuthenticationMode, Unreadable, UnreadableKind},
};

const DESCRIBE: &str = "eks:DescribeCluster";
const UPDATE: &str = "eks:UpdateClusterConfig";
const LOOK: &str = "eks:DescribeUpdate";

/// The first pause between two looks at an update, which takes minutes; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Pauses between looks at something that takes its time.
struct Pauses {
    until: Instant,
    next: Duration,
}

impl Pauses {
    fn new(until: Instant) -> Self {
        Self { until, next: PAUSE }
    }

    async fn pause(&mut self) -> bool {
        if Instant::now() + self.next >= self.until {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        true
    }
}

impl Place<'_> {
    /// Takes the cluster from one mode to the next when it still is in the first, and follows the update to its end.
    pub(super) async fn set_mode(self, before: AuthenticationMode, after: AuthenticationMode) -> Result<(), Miss> {
        let eks = self.eks()?;
        if self.expect_mode(eks, before, after).await? {
            return Ok(());
        }
        let access = types::UpdateAccessConfigRequest::builder().authentication_mode(Mode::from(after.as_str()));
        let call = eks.client().update_cluster_config().name(eks.name()).access_config(access.build());
        let id = match eks.ask(UPDATE, None, call.send()).await {
            Ok(answer) => answer.update.and_then(|update| update.id),
            // Perhaps the very update that an earlier run asked for.
            Err(error) if error.fault == EksFault::InUse => return self.other_update(eks, after, error.why).await,
            Err(error) => return Err(Miss::Failed(error.why)),
        };
        let what = "the answer names no update, so that it cannot be followed";
        let id = id.ok_or_else(|| Miss::Failed(eks.nonsense(UPDATE, None, what).why))?;
        self.follow(eks, &id).await
    }

    /// Whether the cluster is in the wanted mode already; a conflict when it is in neither.
    async fn expect_mode(self, eks: &Eks, before: AuthenticationMode, after: AuthenticationMode) -> Result<bool, Miss> {
        let (mode, _) = self.mode(eks).await?;
        if mode == after.as_str() || mode == before.as_str() {
            return Ok(mode == after.as_str());
        }
        Err(Miss::Conflict(format!("the authentication mode is {mode} now, and the plan had seen {before}")))
    }

    /// The mode in EKS's words, and whether an update is under way.
    async fn mode(self, eks: &Eks) -> Result<(String, bool), Miss> {
        let asked = eks.ask(DESCRIBE, None, eks.client().describe_cluster().name(eks.name()).send()).await;
        let told = asked.map_err(|error| Miss::Failed(error.why))?;
        let cluster = told.cluster();
        let mode = cluster.and_then(|cluster| cluster.access_config()).and_then(|access| access.authentication_mode());
        let mode = mode.map_or(AuthenticationMode::ConfigMap.as_str(), Mode::as_str).to_owned();
        Ok((mode, cluster.and_then(|cluster| cluster.status()) == Some(&ClusterStatus::Updating)))
    }

    /// Waits for an update that is under way already.
    async fn other_update(self, eks: &Eks, after: AuthenticationMode, why: Unreadable) -> Result<(), Miss> {
        let mut pauses = Pauses::new(self.until);
        loop {
            let (mode, updating) = self.mode(eks).await?;
            if mode == after.as_str() {
                return Ok(());
            }
            if !updating || !pauses.pause().await {
                let next = Some("Wait until the other update of the cluster is over, and run again.".to_owned());
                return Err(Miss::Failed(Unreadable { next, ..why }));
            }
        }
    }

    /// Looks at the update until it is over.
    async fn follow(self, eks: &Eks, id: &str) -> Result<(), Miss> {
        let mut pauses = Pauses::new(self.until);
        loop {
            let call = eks.client().describe_update().name(eks.name()).update_id(id);
            let told = eks.ask(LOOK, Some(id), call.send()).await.map_err(|error| Miss::Failed(error.why))?;
            let update = told.update.ok_or_else(|| Miss::Failed(eks.nonsense(LOOK, Some(id), "no update").why))?;
            match update.status() {
                Some(UpdateStatus::Successful) => return Ok(()),
                Some(UpdateStatus::InProgress) | None => {}
                Some(status) => return Err(Miss::Failed(self.ended(id, status, update.errors()))),
            }
            if !pauses.pause().await {
                return Err(Miss::Failed(Unreadable {
                    kind: UnreadableKind::Timeout,
                    message: format!("{}: update {id} of the authentication mode is still under way", self.cluster),
                    next: Some("Run again: an update that is under way is waited for.".to_owned()),
                }));
            }
        }
    }

    /// An update that EKS gave up, with the reasons that it tells.
    fn ended(self, id: &str, status: &UpdateStatus, errors: &[types::ErrorDetail]) -> Unreadable {
        let of = |error: &types::ErrorDetail| {
            let code = error.error_code().map_or("Unknown", types::ErrorCode::as_str);
            format!("{code}: {}", error.error_message().unwrap_or("no message"))
        };
        let errors: Vec<String> = errors.iter().map(of).collect();
        let errors = if errors.is_empty() { "EKS names no error".to_owned() } else { errors.join("; ") };
        Unreadable {
            kind: UnreadableKind::Server,
            message: format!(
                "{}: update {id} of the authentication mode ended {}: {errors}",
                self.cluster,
                status.as_str()
            ),
            next: Some("Correct what EKS names, and run again; the cluster keeps its mode until then.".to_owned()),
        }
    }
}
