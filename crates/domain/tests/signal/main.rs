//! Properties of the signal language, through its public door.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod documented;
mod forms;
mod linear;
mod round_trip;
mod slips;
