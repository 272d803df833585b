//! The judge itself: a good history passes, and every kind of broken promise is noticed.

use std::net::SocketAddr;
use std::time::Duration;

use crate::harness::checker::{Account, Evidence, Listed};
use crate::harness::journal::{Sent, Told};

const USER: i64 = 7;

fn sent(key: Option<&str>, told: Told) -> Sent {
    let node = SocketAddr::from(([127, 0, 0, 1], 1));
    Sent { user_id: USER, node, key: key.map(str::to_owned), told, took: Duration::ZERO, status: None }
}

fn accepted(key: Option<&str>, id: &str) -> Sent {
    sent(key, Told::Accepted(id.to_owned()))
}

/// Two orders, one of them asked about twice, that ran as they should; a stream that brought all of it.
fn good() -> Evidence {
    let mut account = Account::default();
    for id in ["a", "b"] {
        account.orders.push(Listed { id: id.to_owned(), status: "closed".to_owned() });
        let steps = ["order_created", "order_submitting", "order_executed", "order_closed"];
        account.steps.insert(id.to_owned(), steps.map(str::to_owned).into());
        for word in ["pending", "executed", "closed"] {
            let seq = account.events.len() + 1;
            account.events.push(format!(r#"{{"type":"order.{word}","seq":{seq},"order_id":"{id}"}}"#));
        }
    }
    account.streams.push(account.events.clone());
    let sent = vec![accepted(Some("1"), "a"), accepted(Some("1"), "a"), accepted(None, "b")];
    Evidence { sent, accounts: [(USER, account)].into() }
}

/// What the judge says of the history once it was changed.
fn after(change: impl FnOnce(&mut Vec<Sent>, &mut Account)) -> Vec<String> {
    let mut evidence = good();
    change(&mut evidence.sent, evidence.accounts.get_mut(&USER).unwrap());
    evidence.complaints()
}

fn complains(word: &str, complaints: &[String]) {
    assert!(complaints.iter().any(|complaint| complaint.starts_with(word)), "{word}: {complaints:?}");
}

#[test]
fn nothing_in_a_good_history() {
    assert_eq!(good().complaints(), Vec::<String>::new());
}

#[test]
fn an_order_that_is_lost() {
    complains("lost: a was accepted", &after(|_, account| drop(account.orders.remove(0))));
    complains("lost: b was accepted", &after(|_, account| drop(account.orders.remove(1))));
    complains("lost: a is all there is of", &after(|sent, _| sent.push(accepted(Some("2"), "a"))));
    complains("lost: b is all there is of", &after(|sent, _| sent.push(accepted(None, "b"))));
}

#[test]
fn an_order_that_is_doubled() {
    complains("doubled: 1 made", &after(|sent, _| sent.push(accepted(Some("1"), "b"))));
    let untold = |_: &mut Vec<Sent>, account: &mut Account| {
        account.orders.push(Listed { id: "c".to_owned(), status: "closed".to_owned() });
    };
    complains("doubled: nobody was told", &after(untold));
    let told_that_it_is_not_stored = |sent: &mut Vec<Sent>, account: &mut Account| {
        sent[2] = Sent { told: Told::NotStored, ..sent[2].clone() };
        account.streams.clear();
    };
    complains("doubled: nobody was told", &after(told_that_it_is_not_stored));
    complains(
        "doubled: a is listed twice",
        &after(|_, account| account.orders.push(account.orders[0].clone())),
    );
}

#[test]
fn an_order_whose_sender_was_told_nothing_may_be_there_or_not() {
    let complaints = after(|sent, _| sent[2].told = Told::Nothing);
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!(after(|sent, _| sent.push(sent_and_lost())), Vec::<String>::new());
}

fn sent_and_lost() -> Sent {
    sent(None, Told::Nothing)
}

#[test]
fn a_life_that_is_not_pending_executed_closed() {
    let again = |_: &mut Vec<Sent>, account: &mut Account| {
        account.events.push(r#"{"type":"order.executed","seq":7,"order_id":"b"}"#.to_owned());
    };
    complains("doubled or lost: the life of b", &after(again));
    complains("doubled or lost: the life of b", &after(|_, account| drop(account.events.pop())));
    complains(
        "doubled or lost: the life of a",
        &after(|_, account| account.orders[0].status = "pending".into()),
    );
    complains("lost: there are events of a", &after(|_, account| drop(account.orders.remove(0))));
}

#[test]
fn an_order_that_is_submitted_twice_without_asking() {
    let submit = |steps: &mut Vec<String>, action: &str| steps.insert(2, action.to_owned());
    let twice = after(|_, account| submit(account.steps.get_mut("a").unwrap(), "order_submitting"));
    complains("doubled: a was submitted", &twice);
    let asked = after(|_, account| {
        let steps = account.steps.get_mut("a").unwrap();
        submit(steps, "order_submitting");
        submit(steps, "order_not_submitted");
    });
    assert_eq!(asked, Vec::<String>::new());
    complains("doubled: a was submitted", &after(|_, account| drop(account.steps.remove("a"))));
}

#[test]
fn a_gap_a_repetition_and_a_changed_byte() {
    complains("gap: ", &after(|_, account| drop(account.events.remove(2))));
    complains("gap: ", &after(|_, account| account.events.insert(2, account.events[1].clone())));
    complains("gap: a stream", &after(|_, account| drop(account.streams[0].remove(3))));
    complains("gap: a stream", &after(|_, account| account.streams[0].insert(3, String::new())));
    complains("gap: a stream", &after(|_, account| account.streams[0][5].push(' ')));
    complains("gap: a stream", &after(|_, account| account.streams[0].swap(0, 1)));
}

#[test]
fn a_wrong_answer_and_a_question_that_nobody_asked_again() {
    complains(
        "wrong answer",
        &after(|sent, _| sent.push(crate::judge_sees::sent(None, Told::Wrong("500".into())))),
    );
    let open = after(|sent, _| sent.push(crate::judge_sees::sent(Some("9"), Told::Nothing)));
    complains("unsettled: nobody asked about 9", &open);
}
