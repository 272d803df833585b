//! What is known about a request that got no answer: whether any of it was sent, and why it failed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Records whether a client has sent anything.
///
/// It is the last connector of the client, so only request bytes reach it. If the name is not found, the connection is
/// refused or the TLS handshake fails, nothing reaches it.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<AtomicBool>);

impl Witness {
    /// Whether any byte of a request may have been sent.
    pub(super) fn may_have_left(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<In: Transport> Connector<In> for Witness {
    type Out = Witnessed<In>;

    fn connect(&self, _: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|transport| Witnessed { transport, witness: self.clone() }))
    }
}

/// A connection that reports to a [`Witness`].
#[derive(Debug)]
pub(super) struct Witnessed<T> {
    transport: T,
    witness: Witness,
}

impl<T: Transport> Transport for Witnessed<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.witness.0.store(true, Ordering::Release);
        self.transport.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.transport.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}

/// Why a request failed, as a sentence for the user.
pub(super) fn reason(error: &ureq::Error) -> String {
    if let ureq::Error::Io(error) = error {
        return io_reason(error);
    }
    if let ureq::Error::Rustls(error) = error {
        return tls_reason(error);
    }
    error.to_string()
}

/// Why an I/O operation failed, as a sentence for the user.
pub(super) fn io_reason(error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    tls.map_or_else(|| error.to_string(), tls_reason)
}

/// Why a TLS handshake failed, as a sentence for the user.
pub(super) fn tls_reason(error: &rustls::Error) -> String {
    // The answer was not TLS at all.
    if matches!(error, rustls::Error::InvalidMessage(_)) {
        return "the server does not speak TLS; use http:// in the address".to_owned();
    }
    error.to_string()
}
