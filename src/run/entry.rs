//! The order in which tabs are entered, uploaded to and saved.

use crate::model::form::PlannedTab;
use crate::portal::LocalFile;

/// What is still to be done on a tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TabWork<'a> {
    pub tab: &'a PlannedTab,
    /// Whether values are missing.
    pub fill: bool,
    /// Files that are missing.
    pub files: Vec<LocalFile>,
}

/// One step of entering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Fill(&'a PlannedTab),
    Upload(&'a PlannedTab, Vec<LocalFile>),
    /// Saves the form, or one tab of it.
    Save(Option<&'a PlannedTab>),
}

/// Puts the work in order: a tab that is saved by itself is filled, uploaded to and saved before the next one; all others are
/// filled, then uploaded to, then saved together. What is there only in a draft waits for one.
///
/// `drafted` says whether there is a draft, `whole` whether the form as a whole can be saved.
pub(super) fn order(work: Vec<TabWork<'_>>, drafted: bool, whole: bool) -> Vec<Step<'_>> {
    let (mut steps, mut uploads) = (Vec::new(), Vec::new());
    let (mut drafted, mut unsaved) = (drafted, false);
    for TabWork { tab, fill, files } in work.into_iter().filter(|work| work.fill || !work.files.is_empty()) {
        if tab.after_save && !drafted && whole {
            steps.append(&mut uploads);
            steps.push(Step::Save(None));
            (drafted, unsaved) = (true, false);
        }
        if fill {
            steps.push(Step::Fill(tab));
        }
        let upload = (!files.is_empty()).then_some(Step::Upload(tab, files));
        if tab.saved_alone {
            steps.extend(upload);
            steps.push(Step::Save(Some(tab)));
            drafted = true;
        } else {
            uploads.extend(upload);
            unsaved = true;
        }
    }
    steps.append(&mut uploads);
    if unsaved && whole {
        steps.push(Step::Save(None));
    }
    steps
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::model::digest::Digest;
    use crate::model::form::PlannedFile;
    use crate::model::ids::{AttachmentRole, FieldId, TabId};

    fn tab(id: &str, after_save: bool, saved_alone: bool) -> PlannedTab {
        let id = TabId::parse(id).unwrap();
        PlannedTab { id, fields: Vec::new(), files: Vec::new(), after_save, saved_alone }
    }

    fn file() -> LocalFile {
        let planned = PlannedFile {
            field: FieldId::parse("plan").unwrap(),
            role: AttachmentRole::parse("rollback-plan").unwrap(),
            name: "plan.txt".to_owned(),
            size: 1,
            sha256: Digest::of(b"x"),
        };
        LocalFile { planned, path: PathBuf::from("plan.txt") }
    }

    fn told(tabs: &[(PlannedTab, bool, usize)], drafted: bool, whole: bool) -> String {
        let work = tabs.iter().map(|(tab, fill, files)| TabWork { tab, fill: *fill, files: vec![file(); *files] });
        let step = |step: &Step<'_>| match step {
            Step::Fill(tab) => format!("fill {}", tab.id),
            Step::Upload(tab, files) => format!("upload {} to {}", files.len(), tab.id),
            Step::Save(None) => "save".to_owned(),
            Step::Save(Some(tab)) => format!("save {}", tab.id),
        };
        order(work.collect(), drafted, whole).iter().map(step).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_form_is_filled_uploaded_to_and_saved_once() {
        let tabs =
            [(tab("a", false, false), true, 0), (tab("b", false, false), true, 2), (tab("c", false, false), true, 0)];
        assert_eq!(told(&tabs, false, true), "fill a, fill b, fill c, upload 2 to b, save");
    }

    #[test]
    fn what_is_there_only_in_a_draft_waits_for_one() {
        let tabs =
            [(tab("a", false, false), true, 0), (tab("b", true, false), true, 1), (tab("c", true, false), true, 0)];
        assert_eq!(told(&tabs, false, true), "fill a, save, fill b, fill c, upload 1 to b, save");
        assert_eq!(told(&tabs[1..], true, true), "fill b, fill c, upload 1 to b, save");
    }

    #[test]
    fn a_tab_that_is_saved_by_itself_is_saved_before_the_next() {
        let tabs =
            [(tab("a", false, true), true, 0), (tab("b", true, true), true, 1), (tab("c", true, false), false, 1)];
        assert_eq!(told(&tabs, false, false), "fill a, save a, fill b, upload 1 to b, save b, upload 1 to c");
        assert_eq!(told(&tabs, false, true), "fill a, save a, fill b, upload 1 to b, save b, upload 1 to c, save");
    }

    #[test]
    fn what_is_complete_is_left_alone() {
        let tabs = [(tab("a", false, true), false, 0), (tab("b", false, false), false, 0)];
        assert_eq!(told(&tabs, true, true), "");
    }
}
