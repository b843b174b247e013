//! Chance, always from a seed.

use fastrand::Rng;

/// True with this share.
pub fn chance(rng: &mut Rng, share: f64) -> bool {
    rng.f64() < share
}

/// One of several.
pub fn pick<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}

/// Some of several, each with this share, in their order.
pub fn some<T: Clone>(rng: &mut Rng, choices: &[T], share: f64) -> Vec<T> {
    choices.iter().filter(|_| chance(rng, share)).cloned().collect()
}
