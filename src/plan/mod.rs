//! Desired × observed → plan; guards. Pure, synchronous, deterministic.
