//! A witness in the database: which node recorded each step of an order, and which node held the order's partition
//! when it did. Knows the tables and nothing else.

use hookfill_rig::Database;

use super::node::Node;

/// The steps that only the node that works an order may take.
const STEPS: &str = "'order_submitting', 'order_submitted', 'order_in_doubt', 'order_not_submitted', \
                     'order_executed', 'order_closed'";

/// Calls the witness. From now on each node is known by the name that its connections give.
pub(crate) fn call(database: &Database) {
    database.psql(&format!(
        "CREATE TABLE witnessed (order_id uuid, action text, connection text, owner uuid, partition int, at bigint);
         CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             INSERT INTO witnessed
             SELECT NEW.order_id, NEW.action, current_setting('application_name'), p.owner, p.partition, NEW.at
             FROM orders o JOIN partitions p USING (partition)
             WHERE o.user_id = NEW.user_id AND o.id = NEW.order_id;
             RETURN NULL;
         END $$;
         CREATE TRIGGER witness AFTER INSERT ON journal FOR EACH ROW
         WHEN (NEW.action IN ({STEPS})) EXECUTE FUNCTION witness();
         CREATE TABLE called (connection text, owner uuid)"
    ));
}

/// Tells the witness which node a connection's name stands for: another one after each start. To be said while it runs.
pub(crate) fn introduce(database: &Database, name: &str, node: &Node) {
    let pid = node.pid();
    database.psql(&format!("INSERT INTO called SELECT '{name}', id FROM nodes WHERE name LIKE '% {pid}'"));
}

/// Steps that a node recorded which did not hold the order's partition.
pub(crate) fn trespasses(database: &Database) -> String {
    database.psql(
        "SELECT connection, action, order_id FROM witnessed w
         WHERE NOT EXISTS (SELECT FROM called c WHERE c.connection = w.connection AND c.owner = w.owner) LIMIT 10",
    )
}

/// How many steps were seen.
pub(crate) fn steps(database: &Database) -> u64 {
    database.psql("SELECT count(*) FROM witnessed").parse().expect("a number")
}
