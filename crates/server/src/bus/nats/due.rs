//! Rings for orders that other nodes have written and this one works.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use hookfill_domain::time::Timestamp;
use tokio::time::{Instant, sleep_until};

/// The shortest time between two rings: one look takes up all that is due, however many hints there were.
const REST: Duration = Duration::from_millis(20);

/// Rings for the earliest of what is due, as often as it may; returns when there are no more hints.
pub(super) async fn ring(
    mut due: impl Stream<Item = Timestamp> + Unpin,
    ring: &(dyn Fn(Timestamp) + Send + Sync),
) {
    let mut earliest: Option<Timestamp> = None;
    let mut rest_until = Instant::now();
    loop {
        tokio::select! {
            hint = due.next() => match hint {
                Some(due_at) => earliest = Some(earliest.map_or(due_at, |earliest| earliest.min(due_at))),
                None => return,
            },
            () = sleep_until(rest_until), if earliest.is_some() => {
                if let Some(due_at) = earliest.take() {
                    ring(due_at);
                }
                rest_until = Instant::now() + REST;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;

    use super::*;

    /// When there were rings, from the start on, and for which times.
    async fn rings(hints: impl Stream<Item = Timestamp>) -> Vec<(Duration, i64)> {
        let (began, rings) = (Instant::now(), Mutex::new(Vec::new()));
        let note = |due_at: Timestamp| rings.lock().unwrap().push((began.elapsed(), due_at.as_micros()));
        // Ends long after the last hint, so that all rings are heard.
        let end = stream::once(tokio::time::sleep(Duration::from_secs(60))).filter_map(|()| async { None });
        ring(Box::pin(hints.chain(end)), &note).await;
        rings.into_inner().unwrap()
    }

    /// Hints, one every so often, for times that go down.
    fn hints(count: i64, every: Duration) -> impl Stream<Item = Timestamp> {
        stream::iter((1..=count).rev()).then(move |micros| async move {
            tokio::time::sleep(every).await;
            Timestamp::from_micros(micros)
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_after_a_rest_rings_at_once() {
        let every = Duration::from_secs(1);
        assert_eq!(rings(hints(3, every)).await, [(every, 3), (every * 2, 2), (every * 3, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_hints_rings_once_a_rest_for_the_earliest_and_forgets_none() {
        let rings = rings(hints(2000, Duration::from_millis(1))).await;
        assert!(rings.len() <= 2000 / 20 + 2, "{} rings", rings.len());
        assert_eq!(rings.last().unwrap().1, 1);
        assert!(rings.windows(2).all(|pair| pair[1].0 >= pair[0].0 + REST));
    }
}
