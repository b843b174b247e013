//! AWS's half of the lab: one port for all services.
