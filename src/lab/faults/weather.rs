//! How often what goes wrong.

use fastrand::Rng;

/// The share of the calls, from 0 to 1, that each fault befalls; only calls to which it can happen count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weather {
    /// How long calls are held up, in milliseconds: anything up to this.
    pub latency_ms: u64,
    /// Calls that are held up twenty times as long as that.
    pub spike: f64,
    /// Calls refused for their rate, each service in its own words.
    pub throttle: f64,
    /// Calls answered with 500, 503 or 504.
    pub server_error: f64,
    /// Calls that fail from now on, each time they are made.
    pub outage: f64,
    /// Connections reset before anything was done.
    pub reset: f64,
    /// Sockets that stay open without an answer.
    pub hang: f64,
    /// Writes that are carried out and whose answer is lost.
    pub lose_answer: f64,
    /// Answers that break off in the middle.
    pub cut_answer: f64,
    /// Pages of listings that end early, some of them empty, with a token for the next.
    pub short_page: f64,
    /// Sessions that end at once, with all tokens signed by them.
    pub expire: f64,
    /// Moments at which the servers' clocks go wrong, or right again.
    pub skew: f64,
    /// Writes right before which somebody else writes.
    pub other_writer: f64,
    /// IAM calls during which a role of the account is deleted.
    pub role_goes: f64,
    /// Calls during which the account is suspended or leaves the organization.
    pub account_goes: f64,
    /// Calls that are from now on denied to the role that made them.
    pub deny: f64,
    /// Calls to a cluster in which the caller's permissions are taken away from now on.
    pub weaken: f64,
}

impl Weather {
    /// Some wind: what every network and every cloud does now and then.
    pub fn breeze() -> Self {
        Self {
            latency_ms: 20,
            spike: 0.01,
            throttle: 0.01,
            server_error: 0.005,
            reset: 0.005,
            cut_answer: 0.002,
            short_page: 0.1,
            ..Self::default()
        }
    }

    /// Everything at once.
    pub fn storm() -> Self {
        Self {
            latency_ms: 5,
            spike: 0.02,
            throttle: 0.05,
            server_error: 0.03,
            outage: 0.02,
            reset: 0.03,
            hang: 0.01,
            lose_answer: 0.15,
            cut_answer: 0.03,
            short_page: 0.3,
            expire: 0.005,
            skew: 0.003,
            other_writer: 0.15,
            role_goes: 0.05,
            account_goes: 0.005,
            deny: 0.03,
            weaken: 0.005,
        }
    }

    /// A storm of which every part is left out, softened or left as it is, by chance.
    pub fn random(rng: &mut Rng) -> Self {
        let Self { latency_ms, .. } = Self::storm();
        let mut storm = Self { latency_ms: rng.u64(0..=latency_ms), ..Self::storm() };
        for share in storm.shares() {
            *share *= match rng.u8(0..5) {
                0 | 1 => 0.0,
                2 | 3 => 0.5,
                _ => 1.0,
            };
        }
        storm
    }

    fn shares(&mut self) -> [&mut f64; 16] {
        [
            &mut self.spike,
            &mut self.throttle,
            &mut self.server_error,
            &mut self.outage,
            &mut self.reset,
            &mut self.hang,
            &mut self.lose_answer,
            &mut self.cut_answer,
            &mut self.short_page,
            &mut self.expire,
            &mut self.skew,
            &mut self.other_writer,
            &mut self.role_goes,
            &mut self.account_goes,
            &mut self.deny,
            &mut self.weaken,
        ]
    }
}
