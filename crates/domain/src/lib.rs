//! The ground floor of hookfill: what a signal says, what an order is, and what may happen to it.
//!
//! Nothing here does IO, reads a clock, or draws randomness: time and identity are arguments. So every
//! rule can be tested by calling a function, and a decision made today is the same decision in a replay.

pub mod instrument;
pub mod money;
pub mod order;
pub mod signal;
