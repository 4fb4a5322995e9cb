//! Ctrl-C and SIGTERM as a fact that the flow can ask for.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether someone asked the run to stop.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

/// Asks a run to stop.
#[derive(Debug, Clone)]
pub struct InterruptSwitch(watch::Sender<bool>);

impl InterruptSwitch {
    /// Asks.
    pub fn press(&self) {
        self.0.send_replace(true);
    }
}

impl Interrupt {
    /// A switch and what it acts on.
    pub fn by_hand() -> (InterruptSwitch, Self) {
        let (sender, receiver) = watch::channel(false);
        (InterruptSwitch(sender), Self(receiver))
    }

    /// Pressed by SIGINT, SIGTERM and SIGHUP of this process, from now on.
    ///
    /// # Errors
    ///
    /// When the system does not let the process listen to signals.
    pub(crate) fn by_signals() -> std::io::Result<Self> {
        let (switch, interrupt) = Self::by_hand();
        let mut ask = signal(SignalKind::interrupt())?;
        let mut end = signal(SignalKind::terminate())?;
        // A terminal that goes away, as when a remote login breaks off.
        let mut hang_up = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            loop {
                tokio::select! { _ = ask.recv() => {}, _ = end.recv() => {}, _ = hang_up.recv() => {} }
                switch.press();
            }
        });
        Ok(interrupt)
    }

    /// Whether it was pressed.
    pub(crate) fn is_pressed(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is pressed; for ever, if nobody can press it any more.
    pub(crate) async fn pressed(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|pressed| *pressed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
