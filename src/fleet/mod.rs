//! One pass over the fleet: composes the stages.
