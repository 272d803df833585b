//! The `hookfill-bench` binary.

use clap::Parser;
use hookfill_bench::command::{self, Arguments};

/// The allocator of the service: the ceilings must not win or lose by another one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = arguments.threads() {
        runtime.worker_threads(threads);
    }
    runtime.enable_all().build()?.block_on(command::run(arguments))
}
