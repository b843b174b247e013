//! Listens to the queue of events. What they name within a moment is asked for in one; a message is deleted when the pass
//! that looked has ended, so that none is lost, and one that comes twice does no harm.

mod asked;
mod desk;
mod gathered;
mod line;
mod pending;

use std::sync::Arc;

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(super) use asked::{Asked, Served};

use super::runner::same_hub;
use crate::{fleet::Inputs, web};
use desk::Desk;

/// Listens until it is told to stop; follows the inputs in force. What it was about is dropped then: its messages show
/// again by themselves.
pub(super) fn start(
    mut inputs: watch::Receiver<Arc<Inputs>>,
    asks: mpsc::Sender<Asked>,
    state: Arc<web::State>,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let listening = async {
            loop {
                let now = Arc::clone(&inputs.borrow_and_update());
                tokio::select! {
                    () = listen(&now, inputs.clone(), &asks, &state) => {}
                    () = replaced(&now, inputs.clone()) => {}
                }
                if inputs.has_changed().is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = listening => {}
            () = stop.cancelled() => {}
        }
    })
}

/// Listens to the queue of these inputs, if they name one.
async fn listen(
    now: &Arc<Inputs>,
    inputs: watch::Receiver<Arc<Inputs>>,
    asks: &mpsc::Sender<Asked>,
    state: &Arc<web::State>,
) {
    match &now.settings.events {
        Some(queue) => Desk::new(inputs, asks.clone(), Arc::clone(state)).work(Arc::clone(now), queue.clone()).await,
        None => std::future::pending().await,
    }
}

/// Ends when other inputs lead to another queue, or to the same one in another way.
async fn replaced(now: &Inputs, mut inputs: watch::Receiver<Arc<Inputs>>) {
    loop {
        {
            let latest = inputs.borrow_and_update();
            if latest.settings.events != now.settings.events || !same_hub(&latest, now) {
                return;
            }
        }
        if inputs.changed().await.is_err() {
            return;
        }
    }
}
