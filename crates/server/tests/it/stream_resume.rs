//! `/ws/orders?after=`: a client that comes back misses nothing and sees nothing twice.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::harness::{BUY, Setup, Trader};

/// Sends orders, some at a time, until so many are accepted.
async fn load(trader: &Trader<'_>, orders: usize) {
    let lanes = 4;
    let lane = || async {
        for _ in 0..orders / lanes {
            trader.order(BUY).await;
        }
    };
    futures_util::future::join_all((0..lanes).map(|_| lane())).await;
}

/// Follows a stream to a number, cutting the socket at random points; gives all that was seen.
async fn follow_with_cuts(trader: &Trader<'_>, last: i64, seed: u64) -> Vec<String> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut seen: Vec<String> = Vec::new();
    while i64::try_from(seen.len()).unwrap() < last {
        let mut stream = trader.stream(&format!("?after={}", seen.len())).await;
        let left = usize::try_from(last).unwrap() - seen.len();
        for _ in 0..random.random_range(0..40).min(left) {
            let text = stream.text().await;
            let message: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(message["seq"], seen.len() + 1, "seed {seed}");
            seen.push(text);
        }
        // Half of the cuts are rude: what is under way is lost.
        if random.random_bool(0.5) {
            drop(stream);
        } else {
            stream.socket.close(None).await.unwrap();
        }
    }
    seen
}

#[tokio::test]
async fn a_client_that_is_cut_off_at_random_misses_nothing_and_sees_nothing_twice() {
    let service = Setup::default().delays("3ms", "3ms").start().await;
    let traders = [service.register("alice").await, service.register("bob").await];
    let (orders, seeds) = (80, [1, 2]);
    for seed in seeds {
        let so_far = 3 * orders * (i64::try_from(seed).unwrap() - 1);
        let last = so_far + 3 * orders;
        let follow = |trader| follow_with_cuts(trader, last, seed);
        let (hers, his, (), ()) = tokio::join!(
            follow(&traders[0]),
            follow(&traders[1]),
            load(&traders[0], usize::try_from(orders).unwrap()),
            load(&traders[1], usize::try_from(orders).unwrap()),
        );
        for (trader, seen) in traders.iter().zip([hers, his]) {
            let stored = trader.call(http::Method::GET, "/events/?after=0&limit=1000", None).await;
            assert_eq!(stored.body, format!("[{}]", seen.join(",")), "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_client_resumes_after_a_restart_of_the_server() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    alice.order(BUY).await;
    assert_eq!(stream.next().await["seq"], 1);
    let (key, user_id, account_id) = (alice.key.clone(), alice.user_id, alice.account_id.clone());
    drop(stream);
    let folder = service.stop().await;
    let service = Setup::default().delays("0ms", "0ms").start_in(folder).await;
    let alice = Trader { service: &service, key, user_id, account_id };
    let mut stream = alice.stream("?after=1").await;
    let expected = [("order.executed".to_owned(), 2), ("order.closed".to_owned(), 3)];
    assert_eq!(stream.take(2).await, expected);
}
