//! Ticks by the settings' cron expression.

use chrono::{Offset, TimeZone, Utc};
use chrono_tz::Tz;
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use uuid::Uuid;

use crate::settings::Schedule;

/// Why there are no ticks.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The time zone is not one of the IANA database.
    #[error("unknown time zone {0:?}")]
    Timezone(String),
    /// The scheduler refused.
    #[error("the scheduler failed: {0}")]
    Scheduler(#[from] JobSchedulerError),
}

/// Sends a tick whenever the cron expression says so.
pub(super) struct Ticker {
    scheduler: JobScheduler,
    job: Option<Uuid>,
    /// The schedule that is followed, with its time zone's distance from UTC in seconds when it was last looked at.
    current: Option<(Schedule, i32)>,
    ticks: mpsc::Sender<()>,
}

impl Ticker {
    /// A running scheduler without a job.
    pub(super) async fn start(ticks: mpsc::Sender<()>) -> Result<Self, ScheduleError> {
        let scheduler = JobScheduler::new().await?;
        scheduler.start().await?;
        Ok(Self { scheduler, job: None, current: None, ticks })
    }

    /// Ticks by this schedule from now on; the same schedule again changes nothing. The scheduler fixes a job's distance
    /// from UTC when the job is made, so this is called again and again to notice the beginning and end of summer time.
    pub(super) async fn follow(&mut self, schedule: &Schedule) -> Result<(), ScheduleError> {
        let timezone: Tz = schedule.timezone.parse().map_err(|_| ScheduleError::Timezone(schedule.timezone.clone()))?;
        let offset = timezone.offset_from_utc_datetime(&Utc::now().naive_utc()).fix().local_minus_utc();
        let wanted = (schedule.clone(), offset);
        if self.current.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let ticks = self.ticks.clone();
        let job = Job::new_async_tz(schedule.cron.as_str(), timezone, move |_, _| {
            let ticks = ticks.clone();
            // The daemon takes every tick at once; one that finds the channel full is as good as the one already in it.
            Box::pin(async move {
                let _ = ticks.try_send(());
            })
        })?;
        let added = self.scheduler.add(job).await?;
        self.current = Some(wanted);
        if let Some(old) = self.job.replace(added) {
            self.scheduler.remove(&old).await?;
        }
        Ok(())
    }

    /// Stops ticking.
    pub(super) async fn stop(mut self) -> Result<(), ScheduleError> {
        Ok(self.scheduler.shutdown().await?)
    }
}
