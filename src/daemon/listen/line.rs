//! The line to the queue: made when it is first needed, and made anew after every failure.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    discover::{self, DiscoverError, Message, Queue},
    events::Own,
    fleet::Inputs,
    model::EventQueue,
};

/// How long after a failure the queue is asked again, at first and at most.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(5);
/// A server that does not wait for messages as it is asked to is not asked more often than this.
const APART: Duration = Duration::from_millis(500);

/// A queue that answered, and as whom rolecall makes its own calls.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) queue: Queue,
    pub(super) own: Own,
}

/// The way to the queue.
pub(super) struct Line {
    inputs: Arc<Inputs>,
    queue: EventQueue,
    connection: Option<Connection>,
    failures: u32,
}

/// What came over the line.
pub(super) type Received = Result<(Connection, Vec<Message>), DiscoverError>;

impl Line {
    /// Asks nothing yet.
    pub(super) fn new(inputs: Arc<Inputs>, queue: EventQueue) -> Self {
        Self { inputs, queue, connection: None, failures: 0 }
    }

    /// Waits for messages, after a pause when it failed before, and gives itself back.
    pub(super) async fn next(mut self) -> (Self, Received) {
        if self.failures > 0 {
            let pause = FIRST_RETRY.saturating_mul(1 << (self.failures - 1).min(10)).min(LAST_RETRY);
            sleep(pause).await;
        }
        let received = self.receive().await;
        self.connection = received.as_ref().ok().map(|(connection, _)| connection.clone());
        self.failures = if received.is_ok() { 0 } else { self.failures.saturating_add(1) };
        (self, received)
    }

    async fn receive(&mut self) -> Received {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let began = Instant::now();
        let messages = connection.queue.receive().await?;
        if messages.is_empty() {
            sleep_until(began + APART).await;
        }
        Ok((connection, messages))
    }

    /// With credentials of its own, so that neither a pass nor the line waits for the other.
    async fn connect(&self) -> Result<Connection, DiscoverError> {
        let settings = &self.inputs.settings;
        let hub = discover::hub(&settings.scope, settings.limits.per_account).await?;
        let own = Own::new(&settings.scope.member, &hub.caller().arn);
        Ok(Connection { queue: Queue::new(&hub, &self.queue), own })
    }
}
