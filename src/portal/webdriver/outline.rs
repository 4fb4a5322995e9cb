//! A portal of which no map tells: what stands on its form, tab by tab, for whoever writes one. Nothing is entered but an account,
//! and from signing in on the gateway lets nothing pass that may change something.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::WebPortal;
use super::answer::{PageSnapshot, RawOutline, RawSignIn, SeenControl, SeenWay};
use super::ask::PageQuery;
use super::pages::Expect;
use super::wire::ElementRef;
use crate::portal::PortalError;

/// How long a person may take to sign in.
const PERSON: Duration = Duration::from_secs(300);

/// The key that sends a form.
const ENTER: &str = "\u{E007}";

/// What a form is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct FormOutline {
    /// Where somebody signs in, if anybody had to.
    pub sign_in: Option<SignInOutline>,
    /// Its tabs, or one without a name.
    pub tabs: Vec<TabOutline>,
    /// Names of the buttons on it.
    pub buttons: Vec<String>,
}

/// The page for signing in.
#[derive(Debug, Clone)]
pub(crate) struct SignInOutline {
    pub path: String,
    pub account: Option<SeenWay>,
    pub password: Option<SeenWay>,
    /// Name of its button.
    pub button: String,
}

/// A tab.
#[derive(Debug, Clone)]
pub(crate) struct TabOutline {
    /// What it is called; nothing for a form without tabs.
    pub name: Option<String>,
    /// Identifier of its panel.
    pub panel: Option<String>,
    pub controls: Vec<SeenControl>,
}

impl WebPortal {
    /// Opens the form and signs in where the portal asks for that.
    ///
    /// # Errors
    ///
    /// [`PortalError`]: no form came, or no way to sign in was found.
    pub(crate) async fn open_unmapped(&mut self, path: &str) -> Result<Option<SignInOutline>, PortalError> {
        let page = self.until_outlined("the form", path, |page| page.locked || !page.controls.is_empty()).await?;
        let Some(RawSignIn { account, password, ways: [account_way, password_way], button }) = page.0.sign_in else {
            self.config.control.read_only();
            return if page.0.locked { Err(PortalError::Missing("an account field".to_owned())) } else { Ok(None) };
        };
        let element = |value| ElementRef::from_json(value).ok_or_else(|| PortalError::Missing("a field".to_owned()));
        let credentials = self.config.credentials.clone();
        self.wire.keys(&element(&account)?, &credentials.user).await?;
        self.wire.keys(&element(&password)?, &format!("{}{ENTER}", credentials.password.expose_secret())).await?;
        let limit = self.ready_limit();
        let ask = PageQuery::state(self.map()).outline();
        let open = |answer: &PageSnapshot| answer.outline.as_ref().is_some_and(|page| !page.locked);
        self.wait("the portal after signing in", &ask, Expect::Anything, limit, open).await.map_err(
            |error| match error {
                PortalError::Timeout(_) => PortalError::SignInRefused,
                other => other,
            },
        )?;
        self.config.control.read_only();
        self.until_outlined("the form", path, |page| !page.locked && !page.controls.is_empty()).await?;
        Ok(Some(SignInOutline { path: page.1, account: account_way, password: password_way, button }))
    }

    /// Opens the form and waits until a person has signed in and gone there.
    ///
    /// # Errors
    ///
    /// [`PortalError`]: the form did not come within five minutes.
    pub(crate) async fn await_person(&mut self, path: &str) -> Result<(), PortalError> {
        self.until_outlined("the portal", path, |_| true).await?;
        let ask = PageQuery::state(self.map()).outline();
        let wanted = path.split(['?', '#']).next().unwrap_or(path).to_owned();
        let there = |answer: &PageSnapshot| {
            let form = answer.outline.as_ref().is_some_and(|page| !page.locked && !page.controls.is_empty());
            form && answer.state.path == wanted
        };
        self.wait("the form, signed in", &ask, Expect::Anything, PERSON, there).await?;
        self.config.control.read_only();
        Ok(())
    }

    /// What stands on the form that is open, every tab of it.
    ///
    /// # Errors
    ///
    /// [`PortalError`]: a tab was not shown.
    pub(crate) async fn outline(&mut self) -> Result<FormOutline, PortalError> {
        let first = self.outlined().await?;
        let mut form = FormOutline { sign_in: None, tabs: Vec::new(), buttons: first.buttons };
        let mut seen: Vec<SeenControl> = Vec::new();
        let mut apart = |controls: Vec<SeenControl>| {
            let new: Vec<SeenControl> = controls.into_iter().filter(|control| !seen.contains(control)).collect();
            seen.extend(new.iter().cloned());
            new
        };
        if first.tabs.is_empty() {
            form.tabs.push(TabOutline { name: None, panel: None, controls: apart(first.controls) });
        }
        for place in 0..first.tabs.len() {
            let page = self.outlined().await?;
            // Tabs that come or go while one is shown are the map writer's to look at.
            let Some(tab) = page.tabs.into_iter().nth(place) else { break };
            let Some(element) = ElementRef::from_json(&tab.element) else { continue };
            self.wire.click(&element).await?;
            let panel = Some(tab.panel).filter(|panel| !panel.is_empty());
            form.tabs.push(TabOutline {
                name: Some(tab.name),
                panel,
                controls: apart(self.outlined().await?.controls),
            });
        }
        Ok(form)
    }

    /// What stands on the page once nothing is on its way.
    async fn outlined(&mut self) -> Result<RawOutline, PortalError> {
        let ask = PageQuery::state(self.map()).outline();
        let limit = self.ready_limit();
        let control = self.config.control.clone();
        let quiet = |answer: &PageSnapshot| answer.outline.is_some() && control.in_flight() == 0;
        let page = self.wait("the form", &ask, Expect::Anything, limit, quiet).await?;
        page.outline.ok_or_else(|| PortalError::Missing("the form".to_owned()))
    }

    /// Opens a page and waits until it is as it should be; what stands on it, and its path.
    async fn until_outlined(
        &mut self,
        what: &str,
        path: &str,
        mut done: impl FnMut(&RawOutline) -> bool,
    ) -> Result<(RawOutline, String), PortalError> {
        let ask = PageQuery::state(self.map()).outline();
        let ready = |answer: &PageSnapshot| answer.outline.as_ref().is_some_and(&mut done);
        let page = self.open(what, path, &ask, Expect::Anything, ready).await?;
        let path = page.state.path.clone();
        page.outline.map(|outline| (outline, path)).ok_or_else(|| PortalError::Missing(what.to_owned()))
    }
}
