//! What a group reads before its jobs run.

use std::collections::BTreeSet;

use hookfill_domain::ids::{OrderId, UserId};
use hookfill_domain::instrument::Instrument;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::batch::{Batch, Link, columns};
use super::books::{Group, Needs, Rows};
use super::rows::{bytes, get, read_account, read_head, read_order};
use super::sql::Sql;
use crate::rows::from_json;
use crate::{Fence, MAX_SCAN, Made, Partition, StoreError};

/// Begins a transaction and reads what its jobs need. The heads are locked before anything else is read: whoever
/// writes for a user has the head, so that nothing of the rest changes until the group ends.
pub(super) async fn load(link: &Link, needs: &[Needs]) -> Result<Result<Group, StoreError>, Error> {
    let users: Vec<i64> = needs.iter().filter_map(|need| need.head).map(|user_id| user_id.0).collect();
    let of = |user: Option<UserId>| user.map_or(0, |user_id| user_id.0);
    let mut partitions: Vec<i16> = Vec::new();
    for need in needs.iter().filter(|need| need.lease) {
        partitions.extend(need.head.map(|user_id| Partition::of(user_id).number()));
    }
    partitions.sort_unstable();
    partitions.dedup();
    let keys = columns!(needs.iter().filter_map(|need| Some((of(need.head), need.key?))),
        (owner, key) => [user: owner, hash: key.key_hash.to_vec()]);
    let ids = columns!(needs.iter().filter_map(|need| Some((of(need.head), need.order_id?))),
        (owner, order_id) => [user: owner, id: order_id.0]);
    let places = columns!(needs.iter().filter_map(|need| Some((of(need.head), need.order_seq?))),
        (owner, order_seq) => [user: owner, seq: order_seq.0]);
    // Once, however many commands there are: each may be thousands of rows.
    let wanted = needs.iter().filter_map(|need| Some((of(need.head), need.open.as_ref()?)));
    let open: BTreeSet<_> =
        wanted.map(|(owner, wanted)| (owner, wanted.as_ref().map(Instrument::as_str))).collect();
    let open = columns!(open, (owner, wanted) => [user: owner, instrument: wanted]);
    let accounts = columns!(needs.iter().filter_map(|need| Some((of(need.head), need.account?))),
        (owner, account) => [user: owner, id: account.0]);
    let linked = columns!(needs.iter().filter_map(|need| Some((of(need.head), need.linked.as_ref()?))),
        (owner, (broker, account)) => [user: owner, name: broker.as_str(), id: account.as_str()]);
    let names: Vec<&str> = needs.iter().filter_map(|need| need.username.as_deref()).collect();
    let fresh = i64::try_from(names.len()).unwrap_or(0);
    let most = i64::try_from(MAX_SCAN + 1).unwrap_or(i64::MAX);

    let mut batch = Batch::new(link);
    batch.say("BEGIN ISOLATION LEVEL READ COMMITTED");
    batch.add(users.len(), Sql::LockHeads, vec![&users]);
    batch.add(partitions.len(), Sql::HoldPartitions, vec![&partitions]);
    let makes_users = needs.iter().any(Needs::makes_user);
    batch.add(usize::from(makes_users), Sql::HoldRevision, Vec::new());
    batch.add_columns(Sql::Keys, &keys);
    batch.add_columns(Sql::OrdersById, &ids);
    batch.add_columns(Sql::OrdersAt, &places);
    let mut open_and_most = open.parameters();
    open_and_most.push(&most);
    batch.add(open.count, Sql::OpenOrders, open_and_most);
    batch.add_columns(Sql::Accounts, &accounts);
    batch.add_columns(Sql::LinkedAccounts, &linked);
    batch.add(names.len(), Sql::Usernames, vec![&names]);
    batch.add(names.len(), Sql::FreshNumbers, vec![&fresh]);
    Ok(take_in(&batch.run().await?).map(Group::new))
}

fn take_in(read: &[Vec<Row>]) -> Result<Rows, StoreError> {
    let mut rows = Rows::default();
    let [_, heads, partitions, _, keys, by_id, by_seq, open, accounts, linked, names, fresh] = read else {
        return Err(StoreError::Corrupt("a statement is missing".to_owned()));
    };
    for row in heads {
        let (user_id, head) = read_head(row)?;
        rows.heads.insert(user_id, head);
    }
    for row in partitions {
        let known = Partition::from_number(get(row, 0)?);
        let partition =
            known.ok_or_else(|| StoreError::Corrupt("a partition has no number of one".to_owned()))?;
        rows.epochs.insert(partition, Fence(get(row, 1)?));
    }
    for row in keys {
        let made = match get::<Option<Uuid>>(row, 3)? {
            Some(id) => Made::Order(OrderId(id)),
            None => from_json(get(row, 4)?)?,
        };
        rows.remembered.insert((UserId(get(row, 0)?), bytes(row, 1)?), (made, bytes(row, 2)?));
    }
    for row in by_id.iter().chain(by_seq).chain(open) {
        rows.know(read_order(row)?);
    }
    for row in accounts.iter().chain(linked) {
        let account = read_account(row)?;
        rows.accounts.insert((account.user_id, account.id), account);
    }
    for row in names {
        rows.usernames.insert(get(row, 0)?, UserId(get(row, 1)?));
    }
    rows.fresh = fresh.iter().map(|row| get(row, 0).map(UserId)).collect::<Result<_, _>>()?;
    Ok(rows)
}
