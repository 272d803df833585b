//! The order to stop, as every long-running part hears it, and the wait until all have left.

use tokio::sync::watch;

/// Gives the order.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears the order.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// An order to stop, not given yet.
#[must_use]
pub fn order() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Gives the order; once given it stands.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether it was given.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for it. Whoever could give it being gone counts as given.
    pub async fn ordered(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Counts who is still there.
#[derive(Debug, Clone)]
pub struct Present(watch::Sender<usize>);

/// Somebody who is there until this is dropped.
#[derive(Debug)]
pub struct Presence(watch::Sender<usize>);

impl Default for Present {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Present {
    /// Somebody comes.
    #[must_use]
    pub fn enter(&self) -> Presence {
        self.0.send_modify(|present| *present += 1);
        Presence(self.0.clone())
    }

    /// Waits until nobody is there.
    pub async fn left(&self) {
        let _ = self.0.subscribe().wait_for(|present| *present == 0).await;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.send_modify(|present| *present -= 1);
    }
}
