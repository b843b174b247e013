//! A queue of events: received, kept hidden while they are worked on, and deleted.
//!
//! See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>.

use std::{fmt, time::Duration};

use aws_sdk_sqs::{
    Client,
    config::{retry::RetryPartition, timeout::TimeoutConfig},
};

use super::{DiscoverError, Hub, actions, error::Call};
use crate::model::{EventQueue, Place};

/// The longest that SQS lets a call wait for a message.
///
/// See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>.
const WAIT: Duration = Duration::from_secs(20);
/// How long an answer may take: well beyond the wait, which is over only just before its answer comes.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that SQS gives at once.
const MOST: i32 = 10;

/// A message as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The handle by which this receipt of it is hidden for longer or deleted.
    pub receipt: String,
    /// What it says.
    pub body: String,
}

/// A queue and who asks it.
#[derive(Clone)]
pub struct Queue {
    client: Client,
    url: String,
    place: Place,
    caller: String,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Queue {
    /// Asks nothing yet.
    pub fn new(hub: &Hub, queue: &EventQueue) -> Self {
        let (base, caller) = hub.for_queue(queue);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(PATIENCE)
            .operation_attempt_timeout(PATIENCE)
            .operation_timeout(Duration::from_mins(2))
            .build();
        let config = aws_sdk_sqs::config::Builder::from(&base)
            .timeout_config(timeouts)
            .retry_partition(RetryPartition::new(format!("sqs-{}", queue.region)))
            .build();
        // The account is the queue's, not the caller's.
        let account = queue.url.rsplit('/').nth(1).and_then(|id| id.parse().ok());
        let place = Place { account, region: Some(queue.region.clone()), ..Place::default() };
        Self { client: Client::from_conf(config), url: queue.url.clone(), place, caller: caller.to_string() }
    }

    /// The next messages, hidden from others for as long as the queue says; none when none came while it waited.
    ///
    /// # Errors
    /// When the queue cannot be asked.
    pub async fn receive(&self) -> Result<Vec<Message>, DiscoverError> {
        let wait = i32::try_from(WAIT.as_secs()).unwrap_or_default();
        let ask = self.client.receive_message().queue_url(&self.url).max_number_of_messages(MOST);
        let answer = Box::pin(ask.wait_time_seconds(wait).send()).await;
        let answer = answer.map_err(|e| DiscoverError::of(&e, &self.call(actions::RECEIVE_MESSAGE)))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        // One without a handle can only be left to come again.
        let told = messages.filter_map(|message| {
            Some(Message { receipt: message.receipt_handle?, body: message.body.unwrap_or_default() })
        });
        Ok(told.collect())
    }

    /// Ends a message. One that is gone already is no error.
    ///
    /// # Errors
    /// When the queue cannot be asked.
    pub async fn delete(&self, receipt: &str) -> Result<(), DiscoverError> {
        let ask = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt);
        let answer = Box::pin(ask.send()).await;
        answer.map_err(|e| DiscoverError::of(&e, &self.call(actions::DELETE_MESSAGE)))?;
        Ok(())
    }

    /// Keeps a message hidden for so long from now on; zero shows it again at once.
    ///
    /// # Errors
    /// When the queue cannot be asked, or somebody else received the message since.
    pub async fn hide(&self, receipt: &str, time: Duration) -> Result<(), DiscoverError> {
        let seconds = i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
        let ask = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
        let answer = Box::pin(ask.visibility_timeout(seconds).send()).await;
        answer.map_err(|e| DiscoverError::of(&e, &self.call(actions::CHANGE_VISIBILITY)))?;
        Ok(())
    }

    fn call(&self, action: &'static str) -> Call {
        Call::new(action, self.place.clone()).on(self.url.clone()).by(self.caller.clone())
    }
}
