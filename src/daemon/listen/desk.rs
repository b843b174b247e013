//! Where messages are read, gathered, asked for and done with.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};
use tracing::{debug, info, warn};

use super::{
    asked::{Asked, Served},
    gathered::{Gathered, Held},
    line::{Connection, Line, Received},
    pending::Pending,
};
use crate::{
    discover::{DiscoverError, Message, Queue},
    events::{self, Interest, Target},
    fleet::Inputs,
    model::EventQueue,
    web::{self, EventResult},
};

/// How often messages that are worked on are hidden anew, and for how long: well within the queue's own timeout, which is
/// 30 seconds unless it says otherwise, and for long enough that one call that fails does not show them.
const HIDE_EVERY: Duration = Duration::from_secs(15);
const HIDE_FOR: Duration = Duration::from_mins(2);
/// No more are received while so many messages are worked on.
const MOST: usize = 500;
/// So many events are remembered, by which those that come again are known.
const REMEMBERED: usize = 10_000;
/// Calls to the queue at the same time.
const AT_ONCE: usize = 8;

/// What the runner was asked for.
struct Flight {
    held: Vec<Held>,
    targets: BTreeSet<Target>,
    reply: oneshot::Receiver<Served>,
}

/// The one who listens.
pub(super) struct Desk {
    inputs: watch::Receiver<Arc<Inputs>>,
    asks: mpsc::Sender<Asked>,
    state: Arc<web::State>,
    queue: Option<Queue>,
    gathered: Gathered,
    flight: Option<Flight>,
    pending: Pending,
    hide_at: Option<Instant>,
    done: Done,
    /// The kind of failure that was told of, so that it is told once.
    told: Option<&'static str>,
}

impl Desk {
    /// Knows of nothing yet.
    pub(super) fn new(inputs: watch::Receiver<Arc<Inputs>>, asks: mpsc::Sender<Asked>, state: Arc<web::State>) -> Self {
        Self {
            inputs,
            asks,
            state,
            queue: None,
            gathered: Gathered::default(),
            flight: None,
            pending: Pending::default(),
            hide_at: None,
            done: Done::default(),
            told: None,
        }
    }

    /// Works until the runner is no more.
    pub(super) async fn work(mut self, inputs: Arc<Inputs>, queue: EventQueue) {
        info!(queue = queue.url, "listening to events");
        let mut waiting = Some(Line::new(inputs, queue));
        let mut receiving: Option<BoxFuture<'static, (Line, Received)>> = None;
        loop {
            // What has begun to be received is never given up, or its messages would be hidden from everybody.
            if self.working_on() < MOST
                && let Some(line) = waiting.take()
            {
                receiving = Some(line.next().boxed());
            }
            let due = self.due().filter(|_| self.flight.is_none());
            tokio::select! {
                (line, received) = or_never(receiving.as_mut()) => {
                    (receiving, waiting) = (None, Some(line));
                    self.receive(received).await;
                }
                served = reply(self.flight.as_mut()) => self.served(served).await,
                () = at(due) => if !self.ask().await { return },
                () = at(self.hide_at) => self.hide().await,
            }
        }
    }

    /// When something is asked for next: what was gathered, or a cluster that is looked at again.
    fn due(&self) -> Option<Instant> {
        self.gathered.due().into_iter().chain(self.pending.next()).min()
    }

    fn working_on(&self) -> usize {
        self.gathered.held().count() + self.flight.as_ref().map_or(0, |flight| flight.held.len())
    }

    async fn receive(&mut self, received: Received) {
        let (Connection { queue, own }, messages) = match received {
            Ok(received) => received,
            Err(error) => return self.tell(&error),
        };
        if self.told.take().is_some() {
            info!("the event queue answers again");
        }
        self.queue = Some(queue);
        let interest = Interest::of(&self.inputs.borrow().policy.principals());
        let over = messages.into_iter().filter_map(|message| {
            let read = events::read(&message.body, &own, &interest);
            self.take(message, read)
        });
        let over: Vec<String> = over.collect();
        self.delete(over).await;
    }

    /// Takes one message in; gives the receipt of one that is over at once.
    fn take(&mut self, message: Message, read: Result<events::Trigger, events::Ignored>) -> Option<String> {
        let trigger = match read {
            Ok(trigger) => trigger,
            Err(why) => {
                debug!(reason = why.as_str(), "a message of the event queue calls for no pass");
                self.state.record_event(EventResult::Ignored(why));
                return Some(message.receipt);
            }
        };
        let held = Held { receipt: message.receipt, event: trigger.id };
        if self.done.contains(&held.event) {
            self.state.record_event(EventResult::Duplicate);
            return Some(held.receipt);
        }
        self.hide_at.get_or_insert_with(|| Instant::now() + HIDE_EVERY);
        let same = |others: &[Held]| others.iter().any(|other| other.event == held.event);
        // It is done with together with the one that came first.
        if let Some(flight) = self.flight.as_mut().filter(|flight| same(&flight.held)) {
            self.state.record_event(EventResult::Duplicate);
            flight.held.push(held);
            return None;
        }
        match self.gathered.join(held) {
            Ok(()) => self.state.record_event(EventResult::Duplicate),
            Err(held) => {
                debug!(event = trigger.name, target = ?trigger.target, "an event names what to look at");
                self.gathered.take(held, trigger.target, Instant::now());
            }
        }
        None
    }

    /// Asks for what was gathered, and for the clusters that are due; false when there is nobody to ask.
    async fn ask(&mut self) -> bool {
        let now = Instant::now();
        let (held, mut targets) = self.gathered.ask(now);
        targets.extend(self.pending.due(now));
        let (reply, replied) = oneshot::channel();
        let asked = Asked { targets: targets.clone(), reply };
        self.flight = Some(Flight { held, targets, reply: replied });
        self.asks.send(asked).await.is_ok()
    }

    async fn served(&mut self, served: Served) {
        let Some(Flight { held, targets, .. }) = self.flight.take() else { return };
        self.gathered.looked(&targets, Instant::now());
        if self.gathered.held().next().is_none() {
            self.hide_at = None;
        }
        match served {
            Served::Failed => {
                self.pending.failed(&targets, Instant::now());
                if !held.is_empty() {
                    warn!(messages = held.len(), "the messages stay in the event queue and come again");
                }
            }
            Served::Done { unready } => {
                self.pending.looked(&targets, &unready, Instant::now());
                let mut over = Vec::with_capacity(held.len());
                for Held { receipt, event } in held {
                    if self.done.insert(event) {
                        self.state.record_event(EventResult::Followed);
                    }
                    over.push(receipt);
                }
                self.delete(over).await;
            }
        }
    }

    /// What cannot be deleted comes again, and is known by its event then.
    async fn delete(&mut self, receipts: Vec<String>) {
        let Some(queue) = self.queue.clone() else { return };
        let deleting = receipts.iter().map(|receipt| queue.delete(receipt).boxed()).collect();
        let failed = first_failure(deleting).await;
        if let Some(error) = failed {
            self.tell(&error);
        }
    }

    /// Hides everything that is worked on for a while longer.
    async fn hide(&mut self) {
        self.hide_at = Some(Instant::now() + HIDE_EVERY);
        let Some(queue) = self.queue.clone() else { return };
        let flying = self.flight.iter().flat_map(|flight| &flight.held);
        let held = self.gathered.held().chain(flying);
        let hiding = held.map(|held| queue.hide(&held.receipt, HIDE_FOR).boxed()).collect();
        if let Some(error) = first_failure(hiding).await {
            debug!(%error, "a message could not be hidden for longer: it may come twice, which does no harm");
        }
    }

    /// Says once that the queue cannot be used, until it can or fails in another way.
    fn tell(&mut self, error: &DiscoverError) {
        let (kind, next) = (error.kind(), error.next());
        if self.told.replace(kind) == Some(kind) {
            debug!(%error, kind, "the event queue cannot be used yet");
        } else {
            warn!(%error, kind, next, "the event queue cannot be used: the schedule goes on, and it is tried again");
        }
    }
}

/// Makes the calls, a few at a time; the first failure counts.
async fn first_failure(calls: Vec<BoxFuture<'_, Result<(), DiscoverError>>>) -> Option<DiscoverError> {
    let mut calls = stream::iter(calls).buffer_unordered(AT_ONCE);
    let mut failed = None;
    while let Some(result) = calls.next().await {
        failed = failed.or(result.err());
    }
    failed
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn or_never<T>(future: Option<&mut BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// The reply to what was asked for; a runner that went without one has failed.
async fn reply(flight: Option<&mut Flight>) -> Served {
    match flight {
        Some(flight) => (&mut flight.reply).await.unwrap_or(Served::Failed),
        None => std::future::pending().await,
    }
}

/// The events that were done with, the latest of them.
#[derive(Debug, Default)]
struct Done {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Done {
    fn contains(&self, event: &str) -> bool {
        self.known.contains(event)
    }

    /// True when it is new.
    fn insert(&mut self, event: String) -> bool {
        if !self.known.insert(event.clone()) {
            return false;
        }
        self.order.push_back(event);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}
