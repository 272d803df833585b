//! The judge. Knows nothing of the service but what it promises: compares what clients were told with what any node
//! answers afterwards, and with what streams brought.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::journal::{Sent, Told};

/// An order as `/orders/` shows it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) status: String,
}

/// What a node answers about a user, and what the user's streams brought.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) orders: Vec<Listed>,
    /// `/events/`, message by message.
    pub(crate) events: Vec<String>,
    /// The actions of `/orders/{id}/events/`, oldest first.
    pub(crate) steps: BTreeMap<String, Vec<String>>,
    /// Each stream with its resumptions.
    pub(crate) streams: Vec<Vec<String>>,
}

/// Everything there is to judge by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    pub(crate) sent: Vec<Sent>,
    pub(crate) accounts: BTreeMap<i64, Account>,
}

impl Evidence {
    /// What is wrong. Nothing, if every promise was kept.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.wrong_answers();
        for (user_id, account) in &self.accounts {
            let sent = self.sent.iter().filter(|sent| sent.user_id == *user_id);
            let sent: Vec<&Sent> = sent.collect();
            complaints.extend(promises(&sent, account));
            complaints.extend(account.numbers());
            complaints.extend(account.lives());
            complaints.extend(account.submissions());
            complaints.extend(account.differing_streams());
        }
        complaints
    }

    /// How many orders there are.
    pub(crate) fn orders(&self) -> usize {
        self.accounts.values().map(|account| account.orders.len()).sum()
    }

    fn wrong_answers(&self) -> Vec<String> {
        let wrong = |sent: &Sent| match &sent.told {
            Told::Wrong(answer) => Some(format!("wrong answer: {answer}")),
            Told::Accepted(_) | Told::NotStored | Told::Nothing => None,
        };
        self.sent.iter().filter_map(wrong).collect()
    }
}

/// Compares what a user was told with what is there.
fn promises(sent: &[&Sent], account: &Account) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut by_key: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut keys_of: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    let mut may_be_there = 0;
    for one in sent {
        match (&one.told, one.key.as_deref()) {
            (Told::Accepted(id), key) => {
                key.map(|key| by_key.entry(key).or_default().insert(id));
                let keys = keys_of.entry(id).or_default();
                if key.is_none() || !keys.contains(&key) {
                    keys.push(key);
                }
            }
            (_, Some(key)) => drop(by_key.entry(key).or_default()),
            (Told::Nothing, None) => may_be_there += 1,
            (Told::NotStored | Told::Wrong(_), None) => {}
        }
    }
    for (key, ids) in by_key {
        match ids.len() {
            0 => complaints.push(format!("unsettled: nobody asked about {key} until there was an answer")),
            1 => {}
            _ => complaints.push(format!("doubled: {key} made {ids:?}")),
        }
    }
    let one_for_many = keys_of.iter().filter(|(_, keys)| keys.len() > 1);
    complaints.extend(one_for_many.map(|(id, keys)| format!("lost: {id} is all there is of {keys:?}")));
    let mut there = BTreeSet::new();
    let twice = account.orders.iter().filter(|order| !there.insert(order.id.as_str()));
    complaints.extend(twice.map(|order| format!("doubled: {} is listed twice", order.id)));
    let lost = keys_of.keys().filter(|id| !there.contains(*id));
    complaints.extend(lost.map(|id| format!("lost: {id} was accepted")));
    let untold: Vec<_> = there.iter().filter(|id| !keys_of.contains_key(*id)).collect();
    if untold.len() > may_be_there {
        let most = may_be_there;
        complaints.push(format!("doubled: nobody was told of {untold:?}, and at most {most} may be there"));
    }
    complaints
}

impl Account {
    /// The numbers of the event log are 1, 2, 3 …
    fn numbers(&self) -> Vec<String> {
        let numbers = self.events.iter().map(|text| message(text)["seq"].as_u64());
        let wrong = numbers.zip(1..).find(|(seq, expected)| *seq != Some(*expected));
        let complaint = wrong.map(|(seq, expected)| format!("gap: {seq:?} stands where {expected} should"));
        complaint.into_iter().collect()
    }

    /// Every order that is listed was pending, executed and closed, and nothing else; and there is no other order.
    fn lives(&self) -> Vec<String> {
        let mut lives: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for text in &self.events {
            let message = message(text);
            let word = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
            lives.entry(word("order_id")).or_default().push(word("type"));
        }
        let mut complaints = Vec::new();
        for Listed { id, status } in &self.orders {
            let life = lives.remove(id).unwrap_or_default();
            if life != ["order.pending", "order.executed", "order.closed"] || status != "closed" {
                complaints.push(format!("doubled or lost: the life of {id} is {life:?}, now {status}"));
            }
        }
        complaints
            .extend(lives.keys().map(|id| format!("lost: there are events of {id}, and no such order")));
        complaints
    }

    /// Every order was sent to the broker once; again only after it was in doubt and the broker said that it had none.
    fn submissions(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for Listed { id, .. } in &self.orders {
            let steps = self.steps.get(id).map(Vec::as_slice).unwrap_or_default();
            let count = |action: &str| steps.iter().filter(|step| *step == action).count();
            if count("order_submitting") != 1 + count("order_not_submitted") {
                complaints.push(format!("doubled: {id} was submitted otherwise than once: {steps:?}"));
            }
        }
        complaints
    }

    /// Each stream brought the event log, byte for byte.
    fn differing_streams(&self) -> Vec<String> {
        let differing = self.streams.iter().filter(|stream| **stream != self.events);
        let first = |stream: &Vec<String>| {
            let same = stream.iter().zip(&self.events).take_while(|(one, other)| one == other).count();
            let (brought, stored) = (stream.len(), self.events.len());
            format!("gap: a stream of {brought} messages differs from the log of {stored} after {same}")
        };
        differing.map(first).collect()
    }
}

fn message(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
