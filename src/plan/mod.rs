//! Desired × observed → plan; guards. Pure, synchronous, deterministic.

pub mod splice;
