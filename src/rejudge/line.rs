//! One line of `observations.jsonl`: from its text to the facts, and from the facts to today's verdict.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::text::{Text, identifier};
use super::wording::{Wording, rules};
use crate::decide::reconcile;
use crate::decide::rules::resumption::{course, resumed_tab};
use crate::decide::verdict::{HaltCode, Stage, Verdict};
use crate::evidence::observations::{Judgement, WorkView};
use crate::model::digest::Digest;
use crate::model::form::{FormPlan, FormValue, PlannedField, PlannedFile, PlannedTab, RecordPath, WidgetKind};
use crate::model::ids::{AttachmentRole, ChangeId, FieldId, TabId};
use crate::model::observed::{
    Found, ListedFile, ObservedBanner, ObservedControl, ObservedPage, ObservedTab, UnmappedRequired,
};
use crate::model::portal_facts::{Created, ListedException, ListedState};
use crate::model::private::Private;
use crate::model::residue::{PortalResidue, TabProgress};

/// A line as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line<'a> {
    #[serde(rename = "at")]
    _at: IgnoredAny,
    /// At which stage.
    pub stage: Stage,
    /// On which tab or page.
    #[serde(borrow)]
    pub place: Text<'a>,
    judged: Judgement,
    #[serde(borrow, default)]
    fields: Vec<Field<'a>>,
    #[serde(borrow, default)]
    strange: Vec<Text<'a>>,
    #[serde(borrow, default)]
    files: Option<Files<'a>>,
    #[serde(borrow, default)]
    banners: Vec<Wording<'a>>,
    #[serde(borrow, default)]
    dialog: Option<Wording<'a>>,
    #[serde(default)]
    work: Option<WorkView>,
    #[serde(borrow, default)]
    list: Option<List<'a>>,
    /// What was decided.
    pub verdict: Vec<HaltCode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field<'a> {
    #[serde(borrow)]
    field: Text<'a>,
    kind: WidgetKind,
    #[serde(borrow)]
    path: Text<'a>,
    #[serde(default = "one")]
    matches: usize,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    marked: Option<bool>,
    #[serde(default)]
    locked: bool,
    #[serde(borrow, default)]
    wants: Option<Text<'a>>,
    #[serde(borrow, default)]
    label: Option<Text<'a>>,
    #[serde(borrow)]
    expected: Text<'a>,
    #[serde(default)]
    blank: bool,
    #[serde(borrow, default)]
    observed: Option<Text<'a>>,
    #[serde(default)]
    observed_blank: bool,
    #[serde(default = "yes")]
    equal: bool,
    #[serde(borrow, default)]
    missing: Vec<Text<'a>>,
    #[serde(default)]
    offered: usize,
    #[serde(borrow, default)]
    complaint: Option<Text<'a>>,
    #[serde(default)]
    untouched: bool,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Files<'a> {
    #[serde(borrow)]
    wanted: Vec<Wanted<'a>>,
    #[serde(borrow)]
    listed: Vec<Listed<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted<'a> {
    field: FieldId,
    role: AttachmentRole,
    #[serde(borrow)]
    name: Text<'a>,
    size: u64,
    sha256: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed<'a> {
    #[serde(default)]
    field: Option<FieldId>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    sha256: Option<Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List<'a> {
    change: ChangeId,
    left: PortalResidue,
    #[serde(borrow)]
    rows: Vec<Row<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    #[serde(borrow)]
    number: Text<'a>,
    #[serde(borrow)]
    change: Text<'a>,
    state: ListedState,
    recognised: bool,
    #[serde(default)]
    other_service: bool,
}

/// Why a line cannot be judged again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A value that the place cannot hold.
    #[error("`{0}` cannot be read")]
    Unreadable(&'static str),
    /// Two texts and the word on whether they are equal do not go together.
    #[error("field {0} is inconsistent: its texts and its `equal` contradict each other")]
    Inconsistent(FieldId),
    /// A wording is said to mean what none can mean.
    #[error("a banner or dialog is said to mean what none can mean")]
    Meaning,
}

#[derive(Default)]
struct Fields {
    planned: Vec<PlannedField>,
    found: BTreeMap<FieldId, Found<ObservedControl>>,
    empty: BTreeMap<FieldId, Found<ObservedControl>>,
}

struct Tab {
    planned: PlannedTab,
    observed: ObservedTab,
    /// Controls that hold what they hold on an empty form.
    empty: BTreeMap<FieldId, Found<ObservedControl>>,
}

impl Line<'_> {
    /// What today's rules say; none where only the codes were recorded.
    ///
    /// # Errors
    ///
    /// [`LineError`].
    pub fn judge(&self) -> Result<Option<Verdict>, LineError> {
        Ok(Some(match self.judged {
            Judgement::Exceptions => self.exceptions()?,
            Judgement::Survey => {
                let Tab { planned, observed, empty: _ } = self.tab()?;
                reconcile::surveyed_tab(&planned, &observed, rules())
            }
            Judgement::Fill => {
                let Tab { planned, observed, empty: _ } = self.tab()?;
                reconcile::filled_tab(&planned, &observed, rules())
            }
            Judgement::Attach => {
                let Tab { planned, observed, empty: _ } = self.tab()?;
                reconcile::uploads(self.stage, &planned, &observed)
            }
            Judgement::Draft => {
                let Tab { planned, observed, empty: _ } = self.tab()?;
                reconcile::drafted_tab(&planned, &observed, rules())
            }
            Judgement::Resume => self.resumed()?,
            Judgement::Summary => {
                let (lines, page) = self.page()?;
                let files = judged_tab(self.tab_id("summary")?, Vec::new(), self.wanted());
                let plan = FormPlan { tabs: vec![files], ..FormPlan::default() };
                reconcile::summary(self.stage, &lines, &plan, &page, rules())
            }
            Judgement::Recheck => {
                let (lines, page) = self.page()?;
                reconcile::recheck_panel(&FormPlan { recheck: lines, ..FormPlan::default() }, &page, rules())
            }
            Judgement::Dialog => {
                let dialog =
                    self.dialog.as_ref().map(|dialog| dialog.marked().ok_or(LineError::Meaning)).transpose()?;
                reconcile::approach(dialog.as_ref(), &self.banners()?, rules())
            }
            Judgement::Commit | Judgement::Confirmation => return Ok(None),
        }))
    }

    fn tab_id(&self, text: &str) -> Result<TabId, LineError> {
        TabId::parse(text).map_err(|_| LineError::Unreadable("place"))
    }

    fn tab(&self) -> Result<Tab, LineError> {
        let id = self.tab_id(&self.place)?;
        let fields = self.fields()?;
        let planned = judged_tab(id.clone(), fields.planned, self.wanted());
        let strange = |label: &Text<'_>| UnmappedRequired { label: Private::new(label.to_string()) };
        let mut files: BTreeMap<FieldId, Vec<ListedFile>> = BTreeMap::new();
        for file in self.files.iter().flat_map(|files| &files.listed) {
            let field = file.field.clone().ok_or(LineError::Unreadable("files.listed.field"))?;
            files.entry(field).or_default().push(file.file());
        }
        let observed = ObservedTab {
            tab: id,
            controls: fields.found,
            strange_required: self.strange.iter().map(strange).collect(),
            banners: self.banners()?,
            files,
        };
        Ok(Tab { planned, observed, empty: fields.empty })
    }

    fn page(&self) -> Result<(Vec<PlannedField>, ObservedPage), LineError> {
        let fields = self.fields()?;
        let listed = self.files.as_ref().map(|files| files.listed.iter().map(Listed::file).collect());
        Ok((fields.planned, ObservedPage { lines: fields.found, banners: self.banners()?, files: listed }))
    }

    fn resumed(&self) -> Result<Verdict, LineError> {
        let Tab { planned, observed: draft, empty: controls } = self.tab()?;
        let reached = self.work.ok_or(LineError::Unreadable("work"))?;
        let tab = |reached: Option<_>| reached.map(|reached| (planned.id.clone(), reached)).into_iter().collect();
        let work = TabProgress { fields: tab(reached.fields), files: tab(reached.files) };
        let empty = ObservedTab {
            tab: planned.id.clone(),
            controls,
            strange_required: Vec::new(),
            banners: Vec::new(),
            files: BTreeMap::new(),
        };
        Ok(Verdict::of(resumed_tab(&planned, &draft, &empty, &work, rules()).reasons))
    }

    fn exceptions(&self) -> Result<Verdict, LineError> {
        let list = self.list.as_ref().ok_or(LineError::Unreadable("list"))?;
        let row = |row: &Row<'_>| ListedException {
            number: row.number.to_string(),
            change_id: row.change.to_string(),
            state: row.state,
            created: Created::NotListed,
            recognised: row.recognised,
            other_service: row.other_service,
        };
        let rows: Vec<ListedException> = list.rows.iter().map(row).collect();
        Ok(course(&list.change, &list.left, &rows).verdict())
    }

    fn banners(&self) -> Result<Vec<ObservedBanner>, LineError> {
        let banner = |banner: &Wording<'_>| banner.marked().map(|text| ObservedBanner { text });
        self.banners.iter().map(banner).collect::<Option<_>>().ok_or(LineError::Meaning)
    }

    fn wanted(&self) -> Vec<PlannedFile> {
        let file = |file: &Wanted<'_>| PlannedFile {
            field: file.field.clone(),
            role: file.role.clone(),
            name: file.name.to_string(),
            size: file.size,
            sha256: file.sha256,
        };
        self.files.iter().flat_map(|files| &files.wanted).map(file).collect()
    }

    fn fields(&self) -> Result<Fields, LineError> {
        let mut fields = Fields { planned: Vec::with_capacity(self.fields.len()), ..Fields::default() };
        for field in &self.fields {
            let id = identifier(&field.field, FieldId::parse).map_err(|_| LineError::Unreadable("fields.field"))?;
            let planned = field.planned(id.clone())?;
            let found = field.found(&planned)?;
            if let Found::One(control) = &found
                && field.untouched
            {
                fields.empty.insert(id.clone(), Found::One(control.clone()));
            }
            fields.planned.push(planned);
            fields.found.insert(id, found);
        }
        Ok(fields)
    }
}

impl Listed<'_> {
    fn file(&self) -> ListedFile {
        ListedFile { name: Private::new(self.name.to_string()), size: self.size, sha256: self.sha256 }
    }
}

/// A value by its text. Nothing is nothing whatever its text, which may be hidden.
fn value(kind: WidgetKind, text: &str, blank: bool) -> FormValue {
    if blank && kind == WidgetKind::Checkbox {
        FormValue::Checked(false)
    } else if blank {
        FormValue::Text(String::new())
    } else {
        FormValue::Text(text.to_owned())
    }
}

impl Field<'_> {
    fn planned(&self, id: FieldId) -> Result<PlannedField, LineError> {
        Ok(PlannedField {
            id,
            label: self.wants.as_deref().map(str::to_owned),
            widget: self.kind,
            required: self.required,
            path: RecordPath::parse(&self.path).ok_or(LineError::Unreadable("fields.path"))?,
            value: Private::new(value(self.kind, &self.expected, self.blank)),
            // Those that were offered need not be looked for again.
            options: self.missing.iter().map(|option| option.to_string()).collect(),
        })
    }

    fn found(&self, planned: &PlannedField) -> Result<Found<ObservedControl>, LineError> {
        let inconsistent = || LineError::Inconsistent(planned.id.clone());
        if self.matches != 1 {
            if self.equal || self.observed.is_some() {
                return Err(inconsistent());
            }
            return Ok(if self.matches == 0 { Found::Absent } else { Found::Several(self.matches) });
        }
        let (held, equal) = match &self.observed {
            None => (planned.value.clone(), true),
            Some(text) => {
                let held = Private::new(value(self.kind, text, self.observed_blank));
                let equal = held == planned.value;
                (held, equal)
            }
        };
        if equal != self.equal {
            return Err(inconsistent());
        }
        let label = self.label.as_deref().or(self.wants.as_deref()).unwrap_or_default();
        Ok(Found::One(ObservedControl {
            label: Private::new(label.to_owned()),
            required: self.marked.unwrap_or(self.required),
            editable: !self.locked,
            options: vec![Private::new(String::new()); self.offered],
            value: held,
            complaint: self.complaint.as_deref().map(|text| Private::new(text.to_owned())),
        }))
    }
}

/// A tab as far as judging needs it: when it is saved is no matter then.
fn judged_tab(id: TabId, fields: Vec<PlannedField>, files: Vec<PlannedFile>) -> PlannedTab {
    PlannedTab { id, fields, files, after_save: false, saved_alone: false }
}
