//! hookfill turns trading webhooks into order fills.
