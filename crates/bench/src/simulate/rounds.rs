//! Rounds of leases: `Leases::round` of crates/store/src/postgres/leases.rs.

use hookfill_store::Partition;

use super::agenda::Micros;
use super::counts::Kind;
use super::leases::{Lease, NodeId, share};
use super::node::Node;
use super::settings::RENEW_EVERY;
use super::world::{Event, World};

impl World {
    fn renew_every(&self) -> Micros {
        RENEW_EVERY.min(self.plan.lease / 3)
    }

    pub(super) fn round(&mut self, node: NodeId) {
        self.nodes[node].rounds += 1;
        let (asked_at, way) = (self.agenda.now(), self.way());
        self.agenda.after(way, Event::RoundAtServer { node, asked_at });
    }

    pub(super) fn round_at_server(&mut self, node: NodeId, asked_at: Micros) {
        let (now, lease) = (self.agenda.now(), self.plan.lease);
        let leases = self.rows.renew(node, now, lease);
        if self.nodes[node].is_up(now) {
            leases.iter().for_each(|(partition, _)| self.checks.renewed(*partition));
        }
        let living = self.rows.living(now);
        self.count(Kind::Lease, 3, Partition::COUNT as u64);
        self.count(Kind::Living, 1, living as u64);
        // Four statements, one after the other.
        let way = self.way() + self.way() + self.way() + self.way();
        self.agenda.after(way, Event::Renewed { node, asked_at, leases, living });
    }

    pub(super) fn renewed(&mut self, (node, asked_at): (NodeId, Micros), leases: &[Lease], living: usize) {
        let (now, share) = (self.agenda.now(), share(living));
        let until = self.until(asked_at);
        self.check_alone(node, leases, until);
        let this = &mut self.nodes[node];
        this.holding.take_in(leases, until, true);
        if leases.len() > share {
            this.holding.choose_leaving(leases.len() - share);
        }
        let busy = this.engine.busy;
        let idle = this.holding.idle(|partition| busy[partition.index()] > 0);
        if !idle.is_empty() {
            this.holding.forget(&idle);
            self.rows.give_up(node, &idle, now);
            self.count(Kind::Claim, 1, idle.len() as u64);
        }
        let wanted = share.saturating_sub(leases.len());
        let skips = self.rules.claims_rarely && !self.nodes[node].rounds.is_multiple_of(10);
        if wanted > 0 && !skips {
            let way = self.way();
            self.agenda.after(way, Event::ClaimAtServer { node, asked_at: now, wanted });
        } else {
            self.agenda.after(self.renew_every(), Event::Round(node));
        }
    }

    pub(super) fn claim_at_server(&mut self, node: NodeId, asked_at: Micros, wanted: usize) {
        let (now, lease) = (self.agenda.now(), self.plan.lease);
        let leases = self.rows.claim((node, wanted), now, lease, &self.rules);
        self.count(Kind::Claim, 1, Partition::COUNT as u64);
        leases.iter().for_each(|(partition, _)| self.checks.claimed(*partition, now, lease));
        let way = self.way();
        self.agenda.after(way, Event::Claimed { node, asked_at, leases });
    }

    pub(super) fn claimed(&mut self, node: NodeId, asked_at: Micros, leases: &[Lease]) {
        let until = self.until(asked_at);
        self.check_alone(node, leases, until);
        self.nodes[node].holding.take_in(leases, until, false);
        if !leases.is_empty() {
            // What is due there is due at once.
            self.ring(node, 0);
        }
        self.agenda.after(self.renew_every(), Event::Round(node));
    }

    /// Whoever takes partitions for its own is the only one who does.
    fn check_alone(&mut self, node: NodeId, leases: &[Lease], until: Micros) {
        let now = self.agenda.now();
        for (partition, _) in leases.iter().filter(|_| until > now) {
            let holds = |(other, this): (NodeId, &Node)| {
                other != node && !this.is_dead && this.holding.epoch(*partition, now).is_some()
            };
            if let Some(other) = self.nodes.iter().enumerate().position(holds) {
                let number = partition.number();
                self.checks.fail(format!("partition {number} has two holders at {now}: {node} and {other}"));
            }
        }
    }

    /// Until when a node takes for its own what it asked for at a time.
    fn until(&self, asked_at: Micros) -> Micros {
        let from = if self.rules.counts_from_the_answer { self.agenda.now() } else { asked_at };
        from + self.plan.lease
    }
}
