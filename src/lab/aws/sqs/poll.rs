//! Long polls.
//!
//! See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{attributes, path_in};
use crate::lab::{aws::input, world::World};

/// How often the queue is looked into while somebody waits.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until there is a message, for as long as the call or the queue says. A queue that is not there is not waited for.
pub(in crate::lab::aws) async fn long_poll(world: &World, asked: &Value) {
    let began = Instant::now();
    loop {
        let wait = {
            let state = world.read();
            let Some(queue) = state.queues.get(path_in(asked)) else { return };
            if queue.messages.iter().any(|message| message.visible <= world.now()) {
                return;
            }
            let usual = || attributes::number(queue, "ReceiveMessageWaitTimeSeconds");
            input::number(asked, "WaitTimeSeconds").unwrap_or_else(usual)
        };
        // What is not allowed is refused at once.
        if !(0..=20).contains(&wait) || began.elapsed() >= Duration::from_secs(wait.unsigned_abs()) {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}
