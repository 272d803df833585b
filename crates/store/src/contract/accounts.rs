//! What holds of users, keys and broker accounts.

use hookfill_domain::account::{BrokerAccount, Policy};
use hookfill_domain::audit::{AuditAction, Place};
use hookfill_domain::ids::{BrokerAccountId, Seq};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::trial::{Trader, Trial, at};
use crate::{AccountChange, Linked, NewAccount, Registered, Scope, SealedSecret};

/// Registering makes all three at once, and puts it on the user's log.
pub async fn a_registered_user_has_a_key_an_account_and_an_empty_stream(trial: Trial) {
    let registration = trial.registration("ann");
    let (key, new) = (registration.key.clone(), registration.account.clone());
    let registered = trial.store.register(registration).await.unwrap();
    let Registered::Created { user_id, account } = registered else { panic!("{registered:?}") };
    assert_eq!((account.id, account.user_id, account.is_active), (new.id, user_id, true));
    assert_eq!((&account.broker_name, &account.account_id), (&new.broker_name, &new.account_id));
    assert_eq!((&account.policy, account.created_at), (&Policy::default(), at(0)));

    let principal = trial.store.principal(key.hash).await.unwrap().expect("the key is the user's");
    assert_eq!((principal.user_id, &*principal.username, principal.key_id), (user_id, "ann", key.id));
    assert_eq!((principal.scopes, principal.expires_at), (Scope::ALL.to_vec(), None));

    let seen = trial.seen(user_id).await;
    assert_eq!((seen.accounts, seen.head, seen.events, seen.orders), (vec![account], Seq(0), vec![], vec![]));
    let [entry] = &seen.entries[..] else { panic!("{:?}", seen.entries) };
    assert_eq!((entry.action, entry.place), (AuditAction::AccountCreated, Place { seq: Seq(0), step: 1 }));
    let details: serde_json::Value = serde_json::from_slice(&entry.details).unwrap();
    assert_eq!(details["username"], "ann");
    assert!(!entry.details.windows(5).any(|part| part == b"token"), "a secret is on the log");
}

/// The loser of a name leaves nothing behind: no key, no account, no entry.
pub async fn a_taken_username_makes_nothing(trial: Trial) {
    let ann = trial.register("ann").await;
    let before = trial.seen(ann.id).await;
    let again = trial.registration("ann");
    let hash = again.key.hash;
    assert_eq!(trial.store.register(again).await.unwrap(), Registered::UsernameTaken);
    assert_eq!(trial.store.principal(hash).await.unwrap(), None);
    assert_eq!(trial.seen(ann.id).await, before);
}

/// However many ask for it at the same moment.
pub async fn many_registrations_of_one_name_make_one_user(trial: Trial) {
    let mut asking = JoinSet::new();
    for _ in 0..32 {
        let (store, registration) = (trial.store.clone(), trial.registration("ann"));
        asking.spawn(async move { (registration.key.hash, store.register(registration).await.unwrap()) });
    }
    let mut made = Vec::new();
    for (hash, registered) in asking.join_all().await {
        let principal = trial.store.principal(hash).await.unwrap();
        match registered {
            Registered::Created { user_id, .. } => made.push((principal.map(|found| found.user_id), user_id)),
            Registered::UsernameTaken => assert_eq!(principal, None),
        }
    }
    let [(principal, user_id)] = made[..] else { panic!("{made:?}") };
    assert_eq!(principal, Some(user_id));
    assert_eq!(trial.seen(user_id).await.accounts.len(), 1);
}

/// A name is its very characters: no folding of case, accents or blanks.
pub async fn usernames_are_compared_exactly(trial: Trial) {
    let mut ids = Vec::new();
    for name in ["ann", "Ann", "ann ", "\u{e4}nn", "a\u{308}nn"] {
        ids.push(trial.register(name).await.id);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

/// Only the very hash opens anything.
pub async fn an_unknown_key_is_nobodys(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut other = ann.key_hash;
    other[31] ^= 1;
    assert_eq!(trial.store.principal(other).await.unwrap(), None);
    assert!(trial.store.principal(ann.key_hash).await.unwrap().is_some());
}

/// The oldest active account takes an order that names none, so the order of the list is a promise.
pub async fn accounts_are_listed_oldest_first(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    let mut linked = vec![ann.account.clone()];
    for second in 1..4 {
        let account = trial.link(ann.id, trial.fresh_account(), at(second)).await;
        assert_eq!((account.user_id, account.created_at, account.is_active), (ann.id, at(second), true));
        linked.push(account);
    }
    let seen = trial.seen(ann.id).await;
    assert_eq!(seen.accounts, linked);
    assert_eq!(seen.entries[0].action, AuditAction::BrokerAccountLinked);
    assert_eq!(seen.entries.len(), 4);
    assert_eq!(trial.seen(bob.id).await.accounts, [bob.account]);
}

/// Clocks do not matter: an account's id and time may be earlier than those of the accounts linked before it.
pub async fn accounts_are_listed_in_the_order_of_linking_even_if_ids_and_times_go_backwards(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    let (mut anns, mut bobs) = (vec![ann.account.id], vec![bob.account.id]);
    for number in 1..=6 {
        let id = BrokerAccountId(Uuid::from_u128(u128::MAX - number));
        let second = -i64::try_from(number).unwrap();
        let (trader, linked) = if number.is_multiple_of(3) { (&bob, &mut bobs) } else { (&ann, &mut anns) };
        let account = NewAccount { id, ..trial.fresh_account() };
        trial.link(trader.id, account, at(second)).await;
        linked.push(id);
        if number == 4 {
            trial
                .store
                .change_account(ann.id, ann.account.id, AccountChange::Deactivate, at(7))
                .await
                .unwrap();
        }
    }
    let lowest = NewAccount { id: BrokerAccountId(Uuid::nil()), ..trial.fresh_account() };
    anns.push(trial.link(ann.id, lowest, at(-100)).await.id);
    for (trader, linked) in [(&ann, &anns), (&bob, &bobs)] {
        let listed: Vec<_> = trial.seen(trader.id).await.accounts.iter().map(|account| account.id).collect();
        assert_eq!(listed, *linked);
    }
    let trial = trial.reopen().await;
    let listed: Vec<_> = trial.seen(ann.id).await.accounts.iter().map(|account| account.id).collect();
    assert_eq!(listed, anns);
}

/// Concurrent writes share a group. The order of the list must still be that of the audit log.
pub async fn accounts_that_are_linked_at_once_are_listed_in_the_order_of_the_log(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    let mut linking = JoinSet::new();
    for number in 0..60 {
        let (store, mut account) = (trial.store.clone(), trial.fresh_account());
        account.id = BrokerAccountId(Uuid::from_u128(u128::MAX - number));
        let user_id = if number.is_multiple_of(3) { bob.id } else { ann.id };
        linking.spawn(async move { store.link_account(user_id, account, at(1)).await.unwrap() });
    }
    linking.join_all().await;
    for (trader, count) in [(&ann, 41), (&bob, 21)] {
        let seen = trial.seen(trader.id).await;
        let logged = seen.entries.iter().rev().map(|entry| {
            let details: serde_json::Value = serde_json::from_slice(&entry.details).unwrap();
            details["broker_account_id"].as_str().unwrap().to_owned()
        });
        let listed: Vec<_> = seen.accounts.iter().map(|account| account.id.to_string()).collect();
        assert_eq!(listed, logged.collect::<Vec<_>>());
        assert_eq!(listed.len(), count);
    }
}

/// A new account with the same broker name and account id as another one.
fn twin(trial: &Trial, of: &BrokerAccount) -> NewAccount {
    let (broker_name, account_id) = (of.broker_name.clone(), of.account_id.clone());
    NewAccount { broker_name, account_id, ..trial.fresh_account() }
}

/// Otherwise two accounts here would trade the same money.
pub async fn each_user_can_link_an_account_only_once(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    let second = trial.link(ann.id, trial.fresh_account(), at(1)).await;
    let before = (trial.seen(ann.id).await, trial.store.credentials_revision().await.unwrap());
    for account in [&ann.account, &second] {
        let again = trial.store.link_account(ann.id, twin(&trial, account), at(2)).await.unwrap();
        assert_eq!(again, Linked::AccountExists(account.id));
    }
    assert_eq!((trial.seen(ann.id).await, trial.store.credentials_revision().await.unwrap()), before);
    trial.link(bob.id, twin(&trial, &ann.account), at(3)).await;
    let mut registration = trial.registration("cid");
    registration.account = twin(&trial, &ann.account);
    assert!(matches!(trial.store.register(registration).await.unwrap(), Registered::Created { .. }));
    for (broker_name, account_id) in [("A Broker", None), ("a broker ", None), ("a broker", Some("account-"))]
    {
        let mut other = twin(&trial, &ann.account);
        broker_name.clone_into(&mut other.broker_name);
        other.account_id = account_id.map_or(other.account_id, str::to_owned);
        trial.link(ann.id, other, at(4)).await;
    }
}

/// Deactivating frees the names. A further attempt is told the id of the account that is active now.
pub async fn a_deactivated_account_may_be_linked_again(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut linked = vec![ann.account.clone()];
    for round in 0..3 {
        let last = linked.last().unwrap().clone();
        let change = AccountChange::Deactivate;
        trial.store.change_account(ann.id, last.id, change, at(10 + round)).await.unwrap();
        let account = trial.link(ann.id, twin(&trial, &last), at(20 + round)).await;
        let again = trial.store.link_account(ann.id, twin(&trial, &last), at(30 + round)).await.unwrap();
        assert_eq!(again, Linked::AccountExists(account.id));
        linked.push(account);
    }
    let listed = trial.seen(ann.id).await.accounts;
    assert_eq!(
        listed.iter().map(|account| account.id).collect::<Vec<_>>(),
        linked.iter().map(|account| account.id).collect::<Vec<_>>()
    );
    assert_eq!(listed.iter().filter(|account| account.is_active).count(), 1);
}

/// Concurrent writes share a group, and the later ones must see the first.
pub async fn of_many_attempts_to_link_one_account_at_once_one_succeeds(trial: Trial) {
    let ann = trial.register("ann").await;
    let first = trial.fresh_account();
    let mut linking = JoinSet::new();
    for _ in 0..48 {
        let (store, id) = (trial.store.clone(), BrokerAccountId(trial.draw()));
        let (user_id, account) = (ann.id, NewAccount { id, ..first.clone() });
        linking.spawn(async move { (id, store.link_account(user_id, account, at(1)).await.unwrap()) });
    }
    let (mut made, mut found) = (Vec::new(), Vec::new());
    for (id, linked) in linking.join_all().await {
        match linked {
            Linked::Created(account) => made.push((id, account.id)),
            Linked::AccountExists(id) => found.push(id),
        }
    }
    let [(asked, id)] = made[..] else { panic!("{made:?}") };
    assert_eq!((asked, &found), (id, &vec![id; 47]));
    let seen = trial.seen(ann.id).await;
    assert_eq!((seen.accounts.len(), seen.entries.len()), (2, 2));
}

/// A write must see what an earlier write of its group did to an account.
pub async fn linking_and_deactivating_at_once_leaves_one_active_account(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut writing = JoinSet::new();
    for number in 0..60 {
        let (store, user_id, id) = (trial.store.clone(), ann.id, ann.account.id);
        let account = twin(&trial, &ann.account);
        writing.spawn(async move {
            if number == 20 {
                store.change_account(user_id, id, AccountChange::Deactivate, at(5)).await.unwrap();
            } else {
                store.link_account(user_id, account, at(6)).await.unwrap();
            }
        });
    }
    writing.join_all().await;
    let again = trial.store.link_account(ann.id, twin(&trial, &ann.account), at(7)).await.unwrap();
    let accounts = trial.seen(ann.id).await.accounts;
    let active: Vec<_> = accounts.iter().filter(|account| account.is_active).collect();
    let [active] = active[..] else { panic!("{accounts:?}") };
    match again {
        // All other attempts came before the account was deactivated.
        Linked::Created(account) => assert_eq!((account.id, accounts.len()), (active.id, 2)),
        Linked::AccountExists(id) => assert_eq!((id, accounts.len()), (active.id, 2)),
    }
}

fn wanted() -> Policy {
    let mut policy = Policy {
        require_stop_loss: false,
        require_take_profit: false,
        decimal_comma: true,
        ..Policy::default()
    };
    policy.aliases.insert("GOLD".to_owned(), "XAUUSD".parse().unwrap());
    policy
}

/// Whoever reads the log can tell what a signal was held to at any time.
pub async fn a_policy_change_is_kept_and_audited_with_before_and_after(trial: Trial) {
    let ann = trial.register("ann").await;
    let change = AccountChange::Policy(wanted().into());
    let changed = trial.store.change_account(ann.id, ann.account.id, change, at(5)).await.unwrap().unwrap();
    assert_eq!((&changed.policy, changed.is_active), (&wanted(), true));
    let seen = trial.seen(ann.id).await;
    assert_eq!(seen.accounts, [changed]);
    assert_eq!((seen.entries[0].action, seen.entries[0].at), (AuditAction::PolicyChanged, at(5)));
    let details: serde_json::Value = serde_json::from_slice(&seen.entries[0].details).unwrap();
    assert_eq!(details["before"], serde_json::to_value(Policy::default()).unwrap());
    assert_eq!(details["after"], serde_json::to_value(wanted()).unwrap());
}

/// The log tells of changes; a request that changes nothing is none.
pub async fn an_unchanged_policy_writes_nothing(trial: Trial) {
    let ann = trial.register("ann").await;
    let before = (trial.seen(ann.id).await, trial.store.credentials_revision().await.unwrap());
    let change = AccountChange::Policy(Policy::default().into());
    let same = trial.store.change_account(ann.id, ann.account.id, change, at(5)).await.unwrap();
    assert_eq!(same, Some(ann.account));
    assert_eq!((trial.seen(ann.id).await, trial.store.credentials_revision().await.unwrap()), before);
}

/// Open orders of the account are worked to their end, so it stays known.
pub async fn a_deactivated_account_stays_listed_and_is_audited_once(trial: Trial) {
    let ann = trial.register("ann").await;
    for second in [5, 6] {
        let change = AccountChange::Deactivate;
        let changed = trial.store.change_account(ann.id, ann.account.id, change, at(second)).await.unwrap();
        assert!(!changed.unwrap().is_active);
    }
    let seen = trial.seen(ann.id).await;
    assert_eq!(seen.accounts.iter().map(|account| account.is_active).collect::<Vec<_>>(), [false]);
    let actions: Vec<_> = seen.entries.iter().map(|entry| entry.action).collect();
    assert_eq!(actions, [AuditAction::BrokerAccountDeactivated, AuditAction::AccountCreated]);
}

/// The same answer as for an account that does not exist.
pub async fn another_users_account_cannot_be_changed(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    for id in [ann.account.id, BrokerAccountId(trial.draw())] {
        let change = AccountChange::Deactivate;
        assert_eq!(trial.store.change_account(bob.id, id, change, at(5)).await.unwrap(), None);
    }
    assert_eq!(trial.seen(ann.id).await.accounts, [ann.account]);
}

async fn raised(trial: &Trial, last: &mut i64, what: &str) {
    let revision = trial.store.credentials_revision().await.unwrap();
    assert!(revision > *last, "{what}: {revision} after {last}");
    *last = revision;
}

/// Caches of every process are emptied by it; an order must not empty them.
pub async fn every_change_of_keys_or_accounts_raises_the_revision(trial: Trial) {
    let mut last = trial.store.credentials_revision().await.unwrap();
    let ann = trial.register("ann").await;
    raised(&trial, &mut last, "register").await;
    trial.link(ann.id, trial.fresh_account(), at(1)).await;
    raised(&trial, &mut last, "link").await;
    for change in [AccountChange::Policy(wanted().into()), AccountChange::Deactivate] {
        trial.store.change_account(ann.id, ann.account.id, change.clone(), at(2)).await.unwrap();
        raised(&trial, &mut last, &format!("{change:?}")).await;
    }
    trial.store.issue_key("ann", trial.fresh_key(), at(3)).await.unwrap();
    raised(&trial, &mut last, "issue a key").await;
    trial.accept(&ann, "EURUSD").await;
    assert_eq!(trial.store.credentials_revision().await.unwrap(), last);
}

/// A user who lost a key gets a further one; the log tells which.
pub async fn an_issued_key_opens_beside_the_first(trial: Trial) {
    let ann = trial.register("ann").await;
    let key = trial.fresh_key();
    assert_eq!(trial.store.issue_key("ann", key.clone(), at(5)).await.unwrap(), Some(ann.id));
    for hash in [ann.key_hash, key.hash] {
        let principal = trial.store.principal(hash).await.unwrap().expect("both keys open");
        assert_eq!(principal.user_id, ann.id);
    }
    let entries = trial.seen(ann.id).await.entries;
    assert_eq!(entries[0].action, AuditAction::ApiKeyIssued);
    let details: serde_json::Value = serde_json::from_slice(&entries[0].details).unwrap();
    assert_eq!(details["key_id"], key.id.to_string());
    let nobodys = trial.fresh_key();
    assert_eq!(trial.store.issue_key("bob", nobodys.clone(), at(6)).await.unwrap(), None);
    assert_eq!(trial.store.principal(nobodys.hash).await.unwrap(), None);
}

async fn link_under(trial: &Trial, trader: &Trader, key_id: [u8; 8]) {
    let mut account = trial.fresh_account();
    account.secret = SealedSecret { token: format!("under {key_id:?}"), key_id };
    trial.link(trader.id, account, at(1)).await;
}

/// So a start can tell that it has all keys without opening every secret.
pub async fn one_secret_is_sampled_for_each_encryption_key(trial: Trial) {
    assert!(trial.store.sample_secrets().await.unwrap().is_empty());
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    for key_id in [[0; 8], [0xff; 8], [2; 8], [2; 8]] {
        link_under(&trial, &ann, key_id).await;
        link_under(&trial, &bob, key_id).await;
    }
    let samples = trial.store.sample_secrets().await.unwrap();
    let mut keys: Vec<_> = samples.iter().map(|sample| sample.secret.key_id).collect();
    keys.sort_unstable();
    assert_eq!(keys, [[0; 8], [1; 8], [2; 8], [0xff; 8]]);
    for sample in samples {
        let owner = if sample.username == "ann" { &ann } else { &bob };
        let accounts = trial.store.accounts(owner.id).await.unwrap();
        assert!(accounts.iter().any(|account| account.id == sample.account_id), "{sample:?}");
        let key_id = sample.secret.key_id;
        assert!(key_id == [1; 8] || sample.secret.token == format!("under {key_id:?}"));
    }
}
