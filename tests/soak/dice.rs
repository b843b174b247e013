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

/// Dice of their own, for what came to be drawn later than the rest: what others draw stays as it was.
pub fn aside(rng: &Rng, what: u64) -> Rng {
    Rng::with_seed(rng.get_seed().rotate_left(17) ^ what.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
