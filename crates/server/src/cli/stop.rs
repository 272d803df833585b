//! SIGTERM and SIGINT: finish what is in hand, then stop.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long what is in hand may take: with what the process itself needs to end, less than 5 s.
const PATIENCE: Duration = Duration::from_millis(4500);

/// Counts the requests to stop.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    asked: watch::Receiver<u32>,
}

/// Why a stop is forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forced {
    /// What is in hand takes too long.
    TimeIsUp,
    /// A second request came.
    AskedTwice,
}

impl Stop {
    /// Catches the signals from here on; to be called on a runtime.
    pub(super) fn catch() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (count, asked) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self { asked })
    }

    /// Resolves once a stop was asked for.
    pub(super) async fn requested(mut self) {
        self.wait(1).await;
    }

    /// Resolves once a stop that was asked for must be forced.
    pub(super) async fn forced(mut self) -> Forced {
        self.wait(1).await;
        tokio::select! {
            () = tokio::time::sleep(PATIENCE) => Forced::TimeIsUp,
            () = self.wait(2) => Forced::AskedTwice,
        }
    }

    async fn wait(&mut self, times: u32) {
        if self.asked.wait_for(|count| *count >= times).await.is_err() {
            // The counting task ends only with its runtime, and so does this.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_request_stops_and_the_second_forces() {
        let (count, asked) = watch::channel(0);
        let stop = Stop { asked };
        let forced = tokio::spawn(stop.clone().forced());
        count.send_replace(1);
        stop.requested().await;
        assert!(!forced.is_finished());
        count.send_replace(2);
        assert_eq!(forced.await.unwrap(), Forced::AskedTwice);
    }
}
