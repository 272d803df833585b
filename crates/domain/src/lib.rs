//! The ground floor of hookfill: what a signal says, what an order is, and what may happen to it.
//!
//! Nothing here does IO, reads a clock, or draws randomness: time and identity are arguments. So every
//! rule can be tested by calling a function, and a decision made today is the same decision in a replay.
//!
//! Words: a *signal* is what arrives, an intent; an *order* is what hookfill makes of it and works at a
//! broker. *Refused* is by us, before an order exists; *rejected* is by the broker.

pub mod account;
pub mod audit;
pub mod ids;
pub mod instrument;
pub mod lifecycle;
pub mod manage;
pub mod money;
pub mod order;
pub mod plan;
pub mod signal;
pub mod time;
pub mod wire;

#[cfg(test)]
mod specimen;
