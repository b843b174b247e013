//! SQS queues.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::State;
use crate::model::{AccountId, Region};

/// One queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// The account it belongs to.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// What waits, and what was taken and not yet deleted.
    pub messages: VecDeque<Message>,
    /// Attributes as they were set, such as `VisibilityTimeout`.
    pub attributes: BTreeMap<String, String>,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// When it was sent.
    pub sent: Timestamp,
    /// The handle it was last given out with.
    pub receipt: Option<String>,
    /// From when on it is given out (again).
    pub visible: Timestamp,
    /// How often it was given out.
    pub received: u32,
}

impl State {
    /// Puts a message into the queue of this URL path, `/<account>/<name>`; false where there is none.
    pub fn send_event(&mut self, path: &str, body: &str, now: Timestamp) -> bool {
        let id = self.new_id("", 32);
        let Some(queue) = self.queues.get_mut(path) else { return false };
        let message = Message { id, body: body.to_owned(), sent: now, receipt: None, visible: now, received: 0 };
        queue.messages.push_back(message);
        true
    }
}
