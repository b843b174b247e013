//! Behaviour, one file each, in one binary.
