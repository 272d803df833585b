//! Measures hookfill.
