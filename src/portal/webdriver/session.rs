//! The session: the proof that it goes through the gateway, signing in, and what the page says of a click that failed.

use secrecy::ExposeSecret;

use super::WebPortal;
use super::answer::{PageSnapshot, one};
use super::ask::PageQuery;
use super::pages::{Expect, Look, SETTLES};
use super::wire::WireError;
use crate::gateway::proxy::PROBE;
use crate::model::private::Private;
use crate::portal::PortalError;

/// How signing in came to nothing.
enum SignIn {
    /// The page was replaced before anything was sent.
    Replaced,
    /// Anything else.
    Failed(PortalError),
}

impl From<PortalError> for SignIn {
    fn from(error: PortalError) -> Self {
        Self::Failed(error)
    }
}

impl From<WireError> for SignIn {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Stale => Self::Replaced,
            WireError::Dialog
            | WireError::Covered
            | WireError::Unplaced
            | WireError::Gone
            | WireError::Timeout
            | WireError::Script(_)
            | WireError::Other(_) => Self::Failed(error.into()),
        }
    }
}

impl WebPortal {
    /// Sends a request through the browser and sees it arrive at the gateway.
    pub(super) async fn send_probe(&mut self) -> Result<(), PortalError> {
        let nonce = format!("{:016x}", rand::random::<u64>());
        let url = self.config.base.join(&format!("{PROBE}{nonce}"));
        let url = url.map_err(|_| PortalError::Browser("the base URL takes no path".into()))?;
        self.wire.goto(&url).await?;
        let limit = self.ready_limit();
        if !self.config.control.await_probe(&nonce, limit).await {
            return Err(PortalError::Browser("the browser does not go through the gateway".into()));
        }
        // The next navigation must not overtake this one.
        let ask = PageQuery::state(self.map());
        let path = url.path().to_owned();
        let there = |answer: &PageSnapshot| answer.state.path == path && answer.state.ready == "complete";
        self.wait("the gateway's own page", &ask, Expect::Anything, limit, there).await.map(drop)
    }

    /// Signs in and names the account that the portal shows then. A sign-in page that is replaced while it is typed into is
    /// filled once more: a browser under load may begin a navigation late.
    pub(super) async fn give_credentials(&mut self) -> Result<Private<String>, PortalError> {
        match self.try_credentials().await {
            Err(SignIn::Replaced) => match self.try_credentials().await {
                Ok(account) => Ok(account),
                Err(SignIn::Replaced) => Err(WireError::Stale.into()),
                Err(SignIn::Failed(error)) => Err(error),
            },
            Ok(account) => Ok(account),
            Err(SignIn::Failed(error)) => Err(error),
        }
    }

    async fn try_credentials(&mut self) -> Result<Private<String>, SignIn> {
        let login = self.map().login.clone();
        let ask = PageQuery::state(self.map())
            .target("user", &login.user)
            .target("password", &login.password)
            .target("submit", &login.submit);
        let ready =
            |answer: &PageSnapshot| ["user", "password", "submit"].iter().all(|name| answer.target(name).count > 0);
        let page = self.open("the sign-in page", &login.path, &ask, Expect::Anything, ready).await?;
        let user = one("the account field", page.target("user"))?;
        let password = one("the password field", page.target("password"))?;
        let submit = one("the sign-in button", page.target("submit"))?;
        let credentials = self.config.credentials.clone();
        self.wire.keys(&user, &credentials.user).await?;
        self.wire.keys(&password, credentials.password.expose_secret()).await?;
        let before = self.document;
        let passed = self.config.control.passed();
        let clicked = match self.wire.click(&submit).await {
            Ok(()) => true,
            // Whether a click took the page away, or found none any more, the next page tells.
            Err(WireError::Stale) => false,
            Err(error) => return Err(error.into()),
        };
        self.traffic_settles(passed, SETTLES).await;
        // Asked for by name too, so that a wait in vain can say how often it is there.
        let ask = PageQuery::state(self.map()).target("signed_in", &self.map().page.signed_in);
        let limit = self.ready_limit();
        let answer = self
            .wait("the portal after signing in", &ask, Expect::Anything, limit, |answer| {
                let state = &answer.state;
                state.signed_in.is_some() || (state.signed_out && state.origin_time > before)
            })
            .await?;
        match answer.state.signed_in {
            Some(account) => {
                self.sign_outs = self.config.control.sign_outs();
                Ok(Private::new(account))
            }
            None if clicked => Err(PortalError::SignInRefused.into()),
            None => Err(SignIn::Replaced),
        }
    }

    /// Says why a click or key failed, as far as the page tells: a dialog, a lost session, or the command itself.
    pub(super) async fn explain(&mut self, error: WireError) -> PortalError {
        if matches!(error, WireError::Dialog) {
            let text = self.wire.dialog_text().await.unwrap_or_default();
            return PortalError::Dialog(Private::new(text));
        }
        let ask = PageQuery::state(self.map());
        match self.look(&ask).await {
            Ok(Look::Page(answer)) if answer.state.signed_out => PortalError::SessionLost,
            Ok(Look::Page(answer)) => match answer.state.dialogs.into_iter().next() {
                Some(text) => PortalError::Dialog(Private::new(text)),
                None => error.into(),
            },
            Ok(Look::Changing | Look::Failed(_)) => error.into(),
            Err(worse) => worse,
        }
    }
}
