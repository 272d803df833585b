//! Measures hookfill: each figure in its own process, the throughputs as ratios to a ceiling in the same run.

pub mod accepts;
pub mod bare;
pub mod client;
pub mod command;
pub mod figures;
pub mod inside;
pub mod latency;
pub mod lives;
pub mod load;
pub mod memory;
pub mod postgres;
pub mod process;
pub mod report;
pub mod simulate;
pub mod start;
pub mod streams;
pub mod users;
