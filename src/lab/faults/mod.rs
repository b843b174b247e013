//! Faults by a seeded plan: what goes wrong at the doors, and what changes in the world while somebody works in it.
//!
//! Whether and how a call goes wrong is drawn from the seed and the call's own identity (service, operation, account,
//! cluster, and the how many-th such call it is), so that the order in which calls of different kinds happen to arrive
//! changes nothing. [`Faults::stop`] ends it all at any moment and takes back what can be taken back: clocks, denied
//! actions and weakened bindings; who is deleted stays deleted, who is suspended stays suspended.

mod changes;
mod dice;
mod refusals;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
mod weather;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use futures::future::BoxFuture;

pub use changes::{Change, Meddler, Nobody};
pub use weather::Weather;

use super::{Call, Interference, Verdict, world::World};

/// How a change of the world is taken back.
pub type Undo = Box<dyn FnOnce(&World) + Send>;

/// A seeded plan of faults. It stands at the doors with [`World::set_interference`].
pub struct Faults {
    seed: u64,
    weather: Weather,
    meddler: Box<dyn Meddler>,
    stopped: AtomicBool,
    counts: Mutex<BTreeMap<String, u64>>,
    told: Mutex<Vec<Injected>>,
    undo: Mutex<Vec<Undo>>,
    /// The calls, by name, that fail until the faults stop.
    out: Mutex<BTreeSet<String>>,
}

/// A fault that befell a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// The call, with the how many-th of its kind it is.
    pub call: String,
    /// What was done to it, or in the world before it.
    pub what: String,
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.what)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("seed", &self.seed).field("weather", &self.weather).finish_non_exhaustive()
    }
}

/// Every fault so far, one a line.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lock(&self.told).iter().try_for_each(|injected| writeln!(f, "{injected}"))
    }
}

/// What can befall a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Throttle,
    ServerError,
    Outage,
    Reset,
    Hang,
    LoseAnswer,
    CutAnswer,
    ShortPage,
    Expire,
    Skew,
    OtherWriter,
    RoleGoes,
    AccountGoes,
    Deny,
    Weaken,
}

impl Fault {
    const ALL: [Self; 15] = [
        Self::Throttle,
        Self::ServerError,
        Self::Outage,
        Self::Reset,
        Self::Hang,
        Self::LoseAnswer,
        Self::CutAnswer,
        Self::ShortPage,
        Self::Expire,
        Self::Skew,
        Self::OtherWriter,
        Self::RoleGoes,
        Self::AccountGoes,
        Self::Deny,
        Self::Weaken,
    ];

    /// Its share of this call's chances; none where it cannot happen.
    fn share(self, weather: &Weather, call: &Call) -> f64 {
        let kubernetes = call.service == "kubernetes";
        let lists = call.operation.starts_with("List") || call.operation.starts_with("list");
        let within_account = matches!(call.service, "iam" | "eks" | "account");
        let only = |may: bool, share: f64| if may { share } else { 0.0 };
        match self {
            Self::Throttle => weather.throttle,
            Self::ServerError => weather.server_error,
            Self::Outage => weather.outage,
            Self::Reset => weather.reset,
            Self::Hang => weather.hang,
            Self::LoseAnswer => only(call.writes, weather.lose_answer),
            Self::CutAnswer => weather.cut_answer,
            Self::ShortPage => only(lists, weather.short_page),
            Self::Expire => only(kubernetes || within_account, weather.expire),
            Self::Skew => weather.skew,
            Self::OtherWriter => only(kubernetes && call.writes, weather.other_writer),
            Self::RoleGoes => only(call.service == "iam", weather.role_goes),
            Self::AccountGoes => only(within_account, weather.account_goes),
            Self::Deny => only(within_account, weather.deny),
            Self::Weaken => only(kubernetes, weather.weaken),
        }
    }
}

impl Faults {
    /// Faults by this seed in this weather.
    pub fn new(seed: u64, weather: Weather) -> Self {
        Self {
            seed,
            weather,
            meddler: Box::new(Nobody),
            stopped: AtomicBool::new(false),
            counts: Mutex::default(),
            told: Mutex::default(),
            undo: Mutex::default(),
            out: Mutex::default(),
        }
    }

    /// The same with somebody who writes in between.
    #[must_use]
    pub fn with_meddler(self, meddler: impl Meddler + 'static) -> Self {
        Self { meddler: Box::new(meddler), ..self }
    }

    /// Lets every call like this one fail from now on, whatever the weather.
    pub fn begin_outage(&self, call: &Call) {
        let name = dice::name(call);
        lock(&self.out).insert(name.clone());
        self.tell(name, "fails from now on");
    }

    /// Ends all faults and takes back what can be taken back. Calls that hang stay so.
    pub fn stop(&self, world: &World) {
        self.stopped.store(true, Ordering::SeqCst);
        for undo in std::mem::take(&mut *lock(&self.undo)).into_iter().rev() {
            undo(world);
        }
    }

    /// Every fault so far.
    pub fn injected(&self) -> Vec<Injected> {
        lock(&self.told).clone()
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// The dice of this call, and its name with its number.
    fn dice(&self, what: &str, call: &Call) -> (Rng, String) {
        let name = dice::name(call);
        let number = {
            let mut counts = lock(&self.counts);
            let count = counts.entry(format!("{what} {name}")).or_default();
            *count += 1;
            *count
        };
        let name = format!("{name} #{number}");
        (dice::dice(self.seed, &format!("{what} {name}")), name)
    }

    fn tell(&self, call: String, what: impl Into<String>) {
        lock(&self.told).push(Injected { call, what: what.into() });
    }

    /// What a change of the world does to the call that it came with: nothing, the call goes on.
    fn change(&self, fault: Fault, world: &World, call: &Call, rng: &mut Rng) -> Option<String> {
        if fault == Fault::OtherWriter {
            return self.meddler.write(world, call, rng);
        }
        let (what, undo) = match fault {
            Fault::Expire => changes::expire(world, call)?,
            Fault::Skew => changes::skew(world, rng),
            Fault::RoleGoes => changes::role_goes(world, call, &*self.meddler, rng)?,
            Fault::AccountGoes => changes::account_goes(world, call)?,
            Fault::Deny => changes::deny(world, call, &*self.meddler)?,
            Fault::Weaken => self.meddler.weaken(world, call, rng)?,
            _ => return None,
        };
        lock(&self.undo).extend(undo);
        Some(what)
    }

    fn decide(&self, world: &World, call: &Call) -> Verdict {
        if self.stopped() {
            return Verdict::Serve;
        }
        let (mut rng, name) = self.dice("call", call);
        if lock(&self.out).contains(&dice::name(call)) {
            return Verdict::Refuse(refusals::failed(call, &mut rng));
        }
        let mut left = rng.f64();
        for fault in Fault::ALL {
            let share = fault.share(&self.weather, call);
            if left >= share {
                left -= share;
                continue;
            }
            let verdict = match fault {
                Fault::Throttle => Verdict::Refuse(refusals::throttled(call, &mut rng)),
                Fault::ServerError => Verdict::Refuse(refusals::failed(call, &mut rng)),
                Fault::Outage => {
                    lock(&self.out).insert(dice::name(call));
                    self.tell(name, "fails from now on");
                    return Verdict::Refuse(refusals::failed(call, &mut rng));
                }
                Fault::Reset => Verdict::Reset,
                Fault::Hang => Verdict::Hang,
                Fault::LoseAnswer => Verdict::LoseAnswer,
                Fault::CutAnswer => Verdict::CutAnswer,
                Fault::ShortPage => Verdict::ShortPage(rng.usize(0..3)),
                change => {
                    if let Some(what) = self.change(change, world, call, &mut rng) {
                        self.tell(name, what);
                    }
                    return Verdict::Serve;
                }
            };
            self.tell(name, dice::words(&verdict));
            return verdict;
        }
        Verdict::Serve
    }
}

impl Interference for Faults {
    fn latency(&self, call: &Call) -> Duration {
        if self.stopped() || self.weather.latency_ms == 0 {
            return Duration::ZERO;
        }
        let (mut rng, name) = self.dice("latency", call);
        let latency = Duration::from_millis(rng.u64(0..=self.weather.latency_ms));
        if rng.f64() < self.weather.spike {
            let latency = Duration::from_millis(20 * self.weather.latency_ms);
            self.tell(name, format!("held up for {} ms", latency.as_millis()));
            return latency;
        }
        latency
    }

    fn verdict<'a>(&'a self, world: &'a Arc<World>, call: &'a Call) -> BoxFuture<'a, Verdict> {
        let verdict = self.decide(world, call);
        Box::pin(std::future::ready(verdict))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
