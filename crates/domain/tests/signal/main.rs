//! Properties of the signal language, through its public door.

mod comma_lists;
mod documented;
mod encoding;
mod exit_names;
mod exit_terms;
mod exits;
mod forms;
mod lifetime;
mod linear;
mod nesting;
mod round_trip;
mod slips;
mod venues;
