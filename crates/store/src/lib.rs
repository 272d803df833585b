//! Where hookfill keeps what it promised.
