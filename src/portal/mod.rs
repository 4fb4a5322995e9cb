//! The portal as the run needs it: a few verbs, carried out by a real browser or, in tests of the flow, by something else.
//!
//! Nothing here decides: every verb reports what it saw. Imports `gateway`, `mask`, `selectors` and below.

pub mod browser;
pub mod bypass;
pub mod driver;
pub mod network;
pub mod webdriver;

use std::path::PathBuf;

use crate::mask::picture::MaskedPicture;
use crate::model::form::{PlannedField, PlannedFile, PlannedTab};
use crate::model::ids::{DraftReference, TabId};
use crate::model::observed::{ObservedBanner, ObservedPage, ObservedTab};
use crate::model::portal_facts::ListedException;
use crate::model::private::Private;

/// Why a verb could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// The page did not get ready within its limit.
    #[error("{0} did not get ready within its limit")]
    Timeout(String),
    /// The portal shows its sign-in page, or no account.
    #[error("the portal asks to sign in")]
    SessionLost,
    /// Name or password was refused.
    #[error("the portal refused to sign in")]
    SignInRefused,
    /// A dialog that the map does not know.
    #[error("a dialog is open")]
    Dialog(Private<String>),
    /// Something to click is not there.
    #[error("{0} is not on the page")]
    Missing(String),
    /// The option to choose is not among those that the control offers.
    #[error("{0} does not offer what is to be chosen")]
    NotOffered(String),
    /// Something to click is there more than once.
    #[error("{0} is on the page {1} times")]
    Ambiguous(String, usize),
    /// A part of the page that a person sees holds controls or alerts, and the agent is not told to look into it.
    #[error("{0}, and no place of the map names it")]
    Unseen(String),
    /// The portal answered with a server error.
    #[error("the portal answered with an error")]
    Server,
    /// What the map says about rows cannot be read from the page.
    #[error("the list on {0} cannot be read")]
    UnreadableList(String),
    /// The browser or its driver failed.
    #[error("the browser failed: {0}")]
    Browser(String),
    /// A picture could not be masked.
    #[error("a picture could not be masked: {0}")]
    Unmaskable(String),
}

/// A private copy of an attachment, ready to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// What the portal must list.
    pub planned: PlannedFile,
    /// Where the copy lies.
    pub path: PathBuf,
}

/// What came of saving a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The draft's reference; none when the portal did not save.
    pub reference: Option<DraftReference>,
    /// What the portal complains about, anywhere on the form.
    pub complaints: Vec<Private<String>>,
}

/// What stands on the page when one click is left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approach {
    /// Text of the dialog, where the map declares one.
    pub dialog: Option<Private<String>>,
    pub banners: Vec<ObservedBanner>,
}

/// A page that only shows values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownPage<'a> {
    /// The portal's summary of a draft.
    Review(&'a DraftReference),
    /// Approver panel and freeze window, right before the commit.
    Recheck(&'a DraftReference),
    /// A submitted exception, by its number.
    Submitted(&'a str),
}

/// Which part of the portal a picture shows.
#[derive(Debug, Clone, Copy)]
pub enum Scene<'a> {
    /// A tab of the form.
    Tab(&'a PlannedTab),
    /// A page of values.
    Lines(ShownPage<'a>, &'a [PlannedField]),
    /// Anything else: the map's wording, and a tab of the form if its panel is shown.
    Page,
}

/// Verbs of a portal. All of them wait, with a bound, for the page to be ready; none of them retries a change.
pub trait Portal {
    /// Shows that the browser's traffic passes the gateway.
    fn prove_path(&mut self) -> impl Future<Output = Result<(), PortalError>>;
    /// Signs in and names the portal account.
    fn sign_in(&mut self) -> impl Future<Output = Result<Private<String>, PortalError>>;
    /// Lists the exceptions for this service and this change.
    fn list_exceptions(&mut self) -> impl Future<Output = Result<Vec<ListedException>, PortalError>>;
    /// Opens an empty form.
    fn open_form(&mut self) -> impl Future<Output = Result<(), PortalError>>;
    /// Opens a saved draft anew from the server.
    fn open_draft(&mut self, draft: &DraftReference) -> impl Future<Output = Result<(), PortalError>>;
    /// Goes to a tab and reads it.
    fn read_tab(&mut self, tab: &PlannedTab) -> impl Future<Output = Result<ObservedTab, PortalError>>;
    /// Goes to a tab, enters its values, leaves each control, waits for the portal and reads the tab again.
    fn enter_tab(&mut self, tab: &PlannedTab) -> impl Future<Output = Result<ObservedTab, PortalError>>;
    /// Goes to a tab, uploads its files, waits until the portal lists them and reads the tab.
    fn upload_tab(
        &mut self,
        tab: &PlannedTab,
        files: &[LocalFile],
    ) -> impl Future<Output = Result<ObservedTab, PortalError>>;
    /// Takes out of a tab's file controls what they hold, so that saving does not upload it.
    fn drop_files(&mut self, tab: &PlannedTab) -> impl Future<Output = Result<(), PortalError>>;
    /// Saves the form as a draft, or this tab of it alone.
    fn save_draft(&mut self, tab: Option<&TabId>) -> impl Future<Output = Result<Saved, PortalError>>;
    /// Opens a page of values anew and reads it.
    fn read_page(
        &mut self,
        page: ShownPage<'_>,
        lines: &[PlannedField],
    ) -> impl Future<Output = Result<ObservedPage, PortalError>>;
    /// From the recheck page, opens the dialog before the commit and attests, so that one click is left. Tells what stands
    /// on the page then.
    fn approach_commit(&mut self) -> impl Future<Output = Result<Approach, PortalError>>;
    /// The one click. Returns when the click is on its way: the browser may answer only after the release.
    fn press_commit(&mut self) -> impl Future<Output = Result<(), PortalError>>;
    /// The number on the page that answered the commit; none when there is none within the limit.
    fn confirmation_number(&mut self) -> impl Future<Output = Result<Option<String>, PortalError>>;
    /// A masked picture of the page, with a caption above it.
    fn picture(&mut self, scene: Scene<'_>, caption: &str) -> impl Future<Output = Result<MaskedPicture, PortalError>>;
    /// Dismisses an open JavaScript dialog, so that a draft can be saved.
    fn dismiss_dialog(&mut self) -> impl Future<Output = Result<(), PortalError>>;
    /// Waits until a person has closed the browser.
    fn closed(&mut self) -> impl Future<Output = ()>;
    /// Ends the session.
    fn close(&mut self) -> impl Future<Output = ()>;
}
