//! The verbs of [`Portal`], each handed to the file of its subject.

use std::time::Duration;

use super::WebPortal;
use crate::mask::picture::MaskedPicture;
use crate::model::form::{PlannedField, PlannedTab};
use crate::model::ids::{DraftReference, TabId};
use crate::model::observed::{ObservedPage, ObservedTab};
use crate::model::portal_facts::ListedException;
use crate::model::private::Private;
use crate::portal::{Approach, LocalFile, Portal, PortalError, Saved, Scene, ShownPage};
use crate::selectors::paths::fill_path;

/// Pause between two questions whether a person has closed the browser.
const PERSON: Duration = Duration::from_millis(500);

impl Portal for WebPortal {
    async fn prove_path(&mut self) -> Result<(), PortalError> {
        self.send_probe().await
    }

    async fn sign_in(&mut self) -> Result<Private<String>, PortalError> {
        self.give_credentials().await
    }

    async fn list_exceptions(&mut self) -> Result<Vec<ListedException>, PortalError> {
        self.read_lists().await
    }

    async fn open_form(&mut self) -> Result<(), PortalError> {
        let path = self.map().form.path.clone();
        self.open_form_at(&path).await
    }

    async fn open_draft(&mut self, draft: &DraftReference) -> Result<(), PortalError> {
        let path = fill_path(&self.map().form.draft_path, &[("draft", draft.as_str())]);
        self.open_form_at(&path).await
    }

    async fn read_tab(&mut self, tab: &PlannedTab) -> Result<ObservedTab, PortalError> {
        self.look_at_tab(tab).await
    }

    async fn enter_tab(&mut self, tab: &PlannedTab) -> Result<ObservedTab, PortalError> {
        self.fill_tab(tab).await
    }

    async fn upload_tab(&mut self, tab: &PlannedTab, files: &[LocalFile]) -> Result<ObservedTab, PortalError> {
        self.attach_files(tab, files).await
    }

    async fn drop_files(&mut self, tab: &PlannedTab) -> Result<(), PortalError> {
        self.forget_files(tab).await
    }

    async fn save_draft(&mut self, tab: Option<&TabId>) -> Result<Saved, PortalError> {
        self.press_save(tab).await
    }

    async fn read_page(&mut self, page: ShownPage<'_>, lines: &[PlannedField]) -> Result<ObservedPage, PortalError> {
        self.read_lines(page, lines).await
    }

    async fn approach_commit(&mut self) -> Result<Approach, PortalError> {
        self.reach_last_click().await
    }

    async fn press_commit(&mut self) -> Result<(), PortalError> {
        self.press_last().await
    }

    async fn confirmation_number(&mut self) -> Result<Option<String>, PortalError> {
        self.number_on_page().await
    }

    async fn picture(&mut self, scene: Scene<'_>, caption: &str) -> Result<MaskedPicture, PortalError> {
        self.masked_picture(scene, caption).await
    }

    async fn dismiss_dialog(&mut self) -> Result<(), PortalError> {
        Ok(self.wire.dismiss_dialog().await?)
    }

    async fn closed(&mut self) {
        // No driver tells when a window goes: it is asked now and then.
        while self.wire.has_window().await {
            tokio::time::sleep(PERSON).await;
        }
    }

    async fn close(&mut self) {
        self.wire.close().await;
    }
}
