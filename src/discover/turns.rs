//! Turns for work side by side, which work that hangs does not keep.

use std::{pin::pin, time::Duration};

use tokio::{sync::Semaphore, time::timeout};

/// How long work keeps its turn.
///
/// Work that takes longer mostly waits for a server that does not answer, and burdens nobody with that. Its turn goes to
/// the next while it waits on, to its own deadline: 64 clusters that hang hold up the others for these seconds, once.
const LENT: Duration = Duration::from_secs(5);

/// So many turns at the same time.
#[derive(Debug)]
pub struct Turns(Semaphore);

impl Turns {
    /// So many at the same time.
    pub fn new(count: usize) -> Self {
        Self(Semaphore::new(count))
    }

    /// Does the work when it is its turn. The turn is lent for some seconds; work that needs more goes on without.
    pub async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        // The semaphore is never closed, so there always is a permit in the end.
        let turn = self.0.acquire().await;
        let mut work = pin!(work);
        if let Ok(done) = timeout(LENT, &mut work).await {
            done
        } else {
            drop(turn);
            work.await
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn no_more_than_so_many_work_at_once() {
        let (turns, busy, most) = (Turns::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
        let work = (0..20).map(|_| {
            turns.take(async {
                most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                busy.fetch_sub(1, Ordering::SeqCst);
            })
        });
        futures::future::join_all(work).await;
        assert_eq!(most.into_inner(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_as_there_are_turns_may_hang_and_the_rest_is_done_before_the_first_gives_up() {
        let turns = Turns::new(64);
        let ended = Arc::new(std::sync::Mutex::new(Vec::new()));
        let work = (0..1000).map(|n| {
            let (hangs, ended) = (n < 64, Arc::clone(&ended));
            turns.take(async move {
                sleep(if hangs { Duration::from_secs(30) } else { Duration::from_millis(100) }).await;
                ended.lock().unwrap().push(hangs);
            })
        });
        futures::future::join_all(work).await;
        let ended = ended.lock().unwrap();
        assert!(ended[..936].iter().all(|hung| !hung) && ended[936..].iter().all(|hung| *hung));
    }
}
