//! What a group writes when its jobs have run.

use hookfill_domain::ids::{OrderId, UserId};
use hookfill_domain::time::Timestamp;
use tokio_postgres::Error;

use super::batch::{Batch, Columns, Link, columns};
use super::books::{Group, Written};
use super::sql::Sql;
use crate::ledger::Head;
use crate::rows::{StoredOrder, scopes_to_text, to_json};
use crate::{Idempotency, Partition, Scope, StoreError};

/// What a group writes, ready to be sent.
pub(super) struct Writes {
    group: Group,
    orders: Vec<OrderBytes>,
    heads: Vec<HeadBytes>,
    /// Of the new accounts, then of the changed ones.
    policies: Vec<Vec<u8>>,
    made: Vec<Vec<u8>>,
}

/// An order as its row has it.
struct OrderBytes {
    /// With its key, if it is new.
    new: Option<Option<Idempotency>>,
    stored: StoredOrder<hookfill_domain::order::Order>,
    terms: Vec<u8>,
    bracket: Vec<u8>,
    progress: Vec<u8>,
}

struct HeadBytes {
    user_id: UserId,
    head: Head,
    is_new: bool,
    tally: Vec<u8>,
}

impl Writes {
    /// Makes the bytes of everything that is to be written.
    pub(super) fn of(mut group: Group) -> Result<Self, StoreError> {
        let orders = orders(&mut group)?;
        let heads = heads(&group)?;
        let rows = &group.books;
        let accounts =
            rows.new_accounts.iter().map(|(account, _)| account).chain(rows.changed_accounts.values());
        let policies = accounts.map(|account| to_json(&account.policy)).collect::<Result<_, _>>()?;
        let made = rows.command_keys.iter().map(|(.., made)| to_json(made)).collect::<Result<_, _>>()?;
        Ok(Self { group, orders, heads, policies, made })
    }

    /// The group whose writes these are.
    pub(super) fn group(&self) -> &Group {
        &self.group
    }

    /// Writes and commits, all in one go.
    ///
    /// # Errors
    /// The first thing that went wrong. Whether it was committed all the same is the caller's question.
    pub(super) async fn commit(&self, link: &Link) -> Result<(), Error> {
        let all = [
            (Sql::InsertUsers, self.users()),
            (Sql::InsertHeads, self.new_heads()),
            (Sql::InsertKeys, self.keys()),
            // Updates before inserts: deactivating an account makes room for a new one with the same names.
            (Sql::UpdateAccounts, self.changed_accounts()),
            (Sql::InsertAccounts, self.new_accounts()),
            (Sql::InsertEntries, self.entries()),
            (Sql::InsertOrders, self.new_orders()),
            (Sql::UpdateOrders, self.changed_orders()),
            (Sql::InsertCommandKeys, self.command_keys()),
            (Sql::UpdateHeads, self.changed_heads()),
            (Sql::CountInstruments, self.counts()),
        ];
        let mut batch = Batch::new(link);
        for (sql, columns) in &all {
            batch.add_columns(*sql, columns);
        }
        // Last, as it is the one row that users share.
        batch.add(usize::from(self.group.credentials_changed), Sql::RaiseRevision, Vec::new());
        batch.say("COMMIT");
        batch.run().await.map(drop)
    }

    fn users(&self) -> Columns<'_> {
        columns!(&self.group.books.new_users, (user_id, username, at) =>
            [id: user_id.0, name: username.as_str(), time: at.as_micros()])
    }

    fn keys(&self) -> Columns<'_> {
        let scopes = scopes_to_text(&Scope::ALL);
        columns!(&self.group.books.new_keys, (user_id, key, at) => [
            id: key.id.0, user: user_id.0, hash: key.hash.as_slice(), label: key.label.as_str(),
            scope: scopes.clone(), time: at.as_micros(),
        ])
    }

    fn new_accounts(&self) -> Columns<'_> {
        columns!(self.group.books.new_accounts.iter().zip(&self.policies), ((account, new), policy) => [
            user: account.user_id.0, id: account.id.0, broker: account.broker_name.as_str(),
            name: account.account_id.as_str(), secret: new.secret.token.as_str(),
            key: new.secret.key_id.as_slice(), active: account.is_active, policies: policy.as_slice(),
            time: account.created_at.as_micros(),
        ])
    }

    fn changed_accounts(&self) -> Columns<'_> {
        let rows = &self.group.books;
        let of_changed = &self.policies[rows.new_accounts.len()..];
        columns!(rows.changed_accounts.values().zip(of_changed), (account, policy) => [
            user: account.user_id.0, id: account.id.0, policies: policy.as_slice(), active: account.is_active,
        ])
    }

    fn entries(&self) -> Columns<'_> {
        columns!(&self.group.books.entries, (entry, chained) => [
            user: entry.user_id.0, seq: entry.place.seq.0, step: entry.place.step, time: entry.at.as_micros(),
            action: entry.action.as_str(), order: entry.order_id.map(|OrderId(id)| id),
            prev_seq: entry.previous.map(|place| place.seq.0), prev_step: entry.previous.map(|place| place.step),
            details: entry.details.as_slice(), message: entry.message.as_deref(), hash: chained.0.as_slice(),
        ])
    }

    fn new_orders(&self) -> Columns<'_> {
        let new = self.orders.iter().filter_map(|bytes| Some((bytes, &bytes.stored, bytes.new.as_ref()?)));
        columns!(new, (bytes, StoredOrder { order, last }, key) => [
            user: order.user_id.0, seq: order.seq.0, id: order.id.0, account: order.broker_account_id.0,
            source: order.source_id.map(|id| id.0), instrument: order.terms.instrument.as_str(),
            state: order.state().as_str(), terms: bytes.terms.as_slice(), bracket: bytes.bracket.as_slice(),
            progress: bytes.progress.as_slice(), partition: Partition::of(order.user_id).number(),
            due: order.due_at.map(Timestamp::as_micros), created: order.created_at.as_micros(),
            updated: order.updated_at.as_micros(), last_seq: last.seq.0, last_step: last.step,
            hash: key.as_ref().map(|key| key.key_hash.as_slice()),
            body: key.as_ref().map(|key| key.body_hash.as_slice()),
        ])
    }

    fn changed_orders(&self) -> Columns<'_> {
        let changed =
            self.orders.iter().filter(|bytes| bytes.new.is_none()).map(|bytes| (bytes, &bytes.stored));
        columns!(changed, (bytes, StoredOrder { order, last }) => [
            user: order.user_id.0, seq: order.seq.0, state: order.state().as_str(),
            bracket: bytes.bracket.as_slice(), progress: bytes.progress.as_slice(),
            due: order.due_at.map(Timestamp::as_micros), updated: order.updated_at.as_micros(),
            last_seq: last.seq.0, last_step: last.step,
        ])
    }

    fn command_keys(&self) -> Columns<'_> {
        columns!(self.group.books.command_keys.iter().zip(&self.made), ((user_id, key, _), bytes) => [
            user: user_id.0, hash: key.key_hash.as_slice(), body: key.body_hash.as_slice(), made: bytes.as_slice(),
        ])
    }

    fn new_heads(&self) -> Columns<'_> {
        columns!(self.heads.iter().filter(|head| head.is_new), HeadBytes { user_id, head, tally: bytes, .. } => [
            user: user_id.0, name: head.username.as_str(), seq: head.place.seq.0, step: head.place.step,
            hash: head.hash.0.as_slice(), tally: bytes.as_slice(),
        ])
    }

    fn changed_heads(&self) -> Columns<'_> {
        columns!(self.heads.iter().filter(|head| !head.is_new), HeadBytes { user_id, head, tally: bytes, .. } => [
            user: user_id.0, seq: head.place.seq.0, step: head.place.step, hash: head.hash.0.as_slice(),
            tally: bytes.as_slice(),
        ])
    }

    fn counts(&self) -> Columns<'_> {
        columns!(&self.group.instruments, ((user_id, name), more) =>
            [user: user_id.0, instrument: &**name, count: *more])
    }
}

/// The orders that were written, in the order of their keys.
fn orders(group: &mut Group) -> Result<Vec<OrderBytes>, StoreError> {
    let rows = &mut group.books;
    let mut bytes = Vec::with_capacity(rows.written.len());
    for (key, written) in &rows.written {
        let Some(stored) = rows.orders.remove(key) else { continue };
        bytes.push(OrderBytes {
            new: match written {
                Written::New(key) => Some(*key),
                Written::Changed => None,
            },
            terms: to_json(&stored.order.terms)?,
            bracket: to_json(&stored.order.bracket)?,
            progress: to_json(&stored.order.progress)?,
            stored,
        });
    }
    Ok(bytes)
}

/// The heads that have changed; those that were only looked at are left out.
fn heads(group: &Group) -> Result<Vec<HeadBytes>, StoreError> {
    let is_new = |user_id: UserId| group.books.new_users.iter().any(|(new, ..)| *new == user_id);
    let is_changed = |user_id: UserId, head: &Head| {
        group.books.heads.get(&user_id).is_none_or(|before| before.hash != head.hash) || is_new(user_id)
    };
    let changed = group.heads.iter().filter(|(user_id, head)| is_changed(**user_id, head));
    changed
        .map(|(user_id, head)| {
            let (head, tally) = (head.clone(), to_json(&head.tally)?);
            Ok(HeadBytes { user_id: *user_id, head, is_new: is_new(*user_id), tally })
        })
        .collect()
}
