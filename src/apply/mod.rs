//! Plan → outcome: the only code that mutates anything. It decides nothing.
