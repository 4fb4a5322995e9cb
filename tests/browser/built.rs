//! The reference portal's form with the controls of component libraries in place of its own: `tests/portals` builds them.

use std::path::Path;

use portal_agent::evidence::outcome::Outcome;
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::form::WidgetKind;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};
use portal_agent::selectors::read::read;

use crate::browser_tests;
use crate::commands::{drafted, program};
use crate::drift::{changing, surveys};
use crate::submission::assert_submitted_once;
use crate::support::{Plan, Rig, told};

/// A form, and how the reference map is changed for it: the lines that are replaced, and by what.
pub struct Form {
    library: &'static str,
    kinds: &'static str,
    changes: &'static [(&'static str, &'static str)],
    framed: bool,
    /// Whether a map is drafted of it: not in a frame, since what to look into the map has to say first, nor where a component tells
    /// nobody but the browser which control it is.
    drafted: bool,
}

const FORMS: [Form; 5] = [
    Form {
        library: "antd",
        kinds: include_str!("../../selectors/kinds/antd-6.toml"),
        changes: ANTD,
        framed: false,
        drafted: true,
    },
    Form {
        library: "mui",
        kinds: include_str!("../../selectors/kinds/mui-9.toml"),
        changes: MUI,
        framed: false,
        drafted: true,
    },
    Form {
        library: "shoelace",
        kinds: include_str!("../../selectors/kinds/shoelace-2.toml"),
        changes: SHOELACE,
        framed: true,
        drafted: false,
    },
    Form {
        library: "fluent",
        kinds: concat!(
            include_str!("../../selectors/kinds/fluent-3.toml"),
            include_str!("../../selectors/kinds/quill-2.toml")
        ),
        changes: FLUENT,
        framed: false,
        drafted: false,
    },
    Form {
        library: "ui5",
        kinds: include_str!("../../selectors/kinds/ui5-2.toml"),
        changes: UI5,
        framed: true,
        drafted: false,
    },
];

/// The form by this name.
pub fn form(library: &str) -> &'static Form {
    FORMS.iter().find(|form| form.library == library).unwrap_or_else(|| panic!("no form {library:?}"))
}

impl Form {
    /// The form's script, for every page of the portal.
    fn script(&self) -> &'static str {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/portals/dist");
        let path = folder.join(format!("{}.js", self.library));
        let script = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; build it with: .ci/portals", path.display()));
        Box::leak(format!("<script>{}</script>", script.replace("</script", "<\\/script")).into_boxed_str())
    }

    /// A portal with this form.
    pub async fn rig(&self, browser: BrowserKind, mut faults: FaultPlan) -> Rig {
        faults.add(Fault::Injected(self.script()));
        if self.framed {
            faults.add(Fault::Framed);
        }
        Rig::new(Plan::new(browser, faults)).await.with_map(|map| self.worked(&map))
    }

    fn worked(&self, map: &str) -> String {
        let map = map.replacen("portal-agent/map/1", "portal-agent/map/2", 1);
        let map = self.changes.iter().chain(STATED).fold(map, |map, (from, to)| {
            assert_eq!(map.matches(from).count(), 1, "{from}");
            map.replacen(from, to, 1)
        });
        map + "\n" + self.kinds
    }
}

/// The summary states moments as the form's own controls hold them, and the commit carries them so.
const STATED: &[(&str, &str)] = &[
    ("field = \"window_start\"", "field = \"window_start\"\nformat = \"%Y-%m-%dT%H:%M\""),
    ("field = \"window_end\"", "field = \"window_end\"\nformat = \"%Y-%m-%dT%H:%M\""),
    ("[review]\n", "[review]\ntime_format = \"%Y-%m-%dT%H:%M\"\n"),
    ("[confirmation.submitted]\n", "[confirmation.submitted]\ntime_format = \"%Y-%m-%dT%H:%M\"\n"),
];

const MUI: &[(&str, &str)] = &[
    ("locate = { label = \"Environment\" }", "locate = { label = \"Environment\" }\nkind = \"mui-autocomplete\""),
    (
        "locate = { label = \"Exception category\" }",
        "locate = { label = \"Exception category\" }\nkind = \"mui-select\"",
    ),
    ("locate = { label = \"Regions\" }", "locate = { label = \"Regions\" }\nkind = \"mui-tags\""),
];

const ANTD: &[(&str, &str)] = &[
    ("locate = { label = \"Environment\" }", "locate = { label = \"Environment\" }\nkind = \"antd-select\""),
    ("locate = { label = \"Regions\" }", "locate = { label = \"Regions\" }\nkind = \"antd-tags\""),
    (
        "locate = { label = \"Impact since\" }",
        "locate = { label = \"Impact since\" }\nkind = \"antd-date\"\nformat = \"%d.%m.%Y\"",
    ),
    (
        "locate = { label = \"Window start\" }",
        "locate = { label = \"Window start\" }\nkind = \"antd-date-time\"\nformat = \"%Y-%m-%d %H:%M\"",
    ),
    (
        "locate = { label = \"Window end\" }",
        "locate = { label = \"Window end\" }\nkind = \"antd-date-time\"\nformat = \"%Y-%m-%d %H:%M\"",
    ),
];

const SHOELACE: &[(&str, &str)] = &[
    ("[page]\n", "[place.main]\nframe = { css = \"iframe#main\" }\n\n[page]\nin = \"main\"\n"),
    ("locate = { label = \"Environment\" }", "locate = { label = \"Environment\" }\nkind = \"sl-select\""),
    (
        "locate = { label = \"Exception category\" }",
        "locate = { label = \"Exception category\" }\nkind = \"sl-select\"",
    ),
    ("locate = { label = \"Regions\" }", "locate = { label = \"Regions\" }\nkind = \"sl-tags\""),
    ("locate = { css = \"#severity\" }", "locate = { css = \"#severity\" }\nkind = \"sl-radio-group\""),
];

const UI5: &[(&str, &str)] = &[
    ("[page]\n", "[place.main]\nframe = { css = \"iframe#main\" }\n\n[page]\nin = \"main\"\n"),
    ("locate = { label = \"Environment\" }", "locate = { label = \"Environment\" }\nkind = \"ui5-combobox\""),
    (
        "locate = { label = \"Exception category\" }",
        "locate = { label = \"Exception category\" }\nkind = \"ui5-select\"",
    ),
    ("locate = { label = \"Regions\" }", "locate = { label = \"Regions\" }\nkind = \"ui5-tags\""),
    ("locate = { css = \"#severity\" }", "locate = { css = \"#severity\" }\nkind = \"ui5-radio-group\""),
    (
        "locate = { label = \"Impact since\" }",
        "locate = { label = \"Impact since\" }\nkind = \"ui5-picker\"\nformat = \"%d.%m.%Y\"",
    ),
    (
        "locate = { label = \"Window start\" }",
        "locate = { label = \"Window start\" }\nkind = \"ui5-picker\"\nformat = \"%d/%m/%Y, %H:%M\"",
    ),
    (
        "locate = { label = \"Window end\" }",
        "locate = { label = \"Window end\" }\nkind = \"ui5-picker\"\nformat = \"%d/%m/%Y, %H:%M\"",
    ),
    (
        "locate = { label = \"Go-live checkpoint\" }",
        "locate = { label = \"Go-live checkpoint\" }\nkind = \"ui5-picker\"",
    ),
];

const FLUENT: &[(&str, &str)] = &[
    ("locate = { label = \"Environment\" }", "locate = { css = \"#environment\" }\nkind = \"fluent-combobox\""),
    (
        "locate = { label = \"Exception category\" }",
        "locate = { label = \"Exception category\" }\nkind = \"fluent-dropdown\"",
    ),
    ("locate = { label = \"Change request\" }", "locate = { label = \"Change request\" }\nkind = \"fluent-text\""),
    (
        "locate = { label = \"Short description\" }",
        "locate = { label = \"Short description\" }\nkind = \"fluent-text\"",
    ),
    ("locate = { label = \"Rollback owner\" }", "locate = { label = \"Rollback owner\" }\nkind = \"fluent-text\""),
    ("locate = { label = \"Rollback trigger\" }", "locate = { label = \"Rollback trigger\" }\nkind = \"fluent-text\""),
    ("locate = { css = \"#severity\" }", "locate = { css = \"#severity\" }\nkind = \"fluent-radio-group\""),
    (
        "locate = { label = \"Customer facing\" }",
        "locate = { label = \"Customer facing\" }\nkind = \"fluent-checkbox\"",
    ),
    (
        "locate = { label = \"Rollback rehearsed\" }",
        "locate = { label = \"Rollback rehearsed\" }\nkind = \"fluent-checkbox\"",
    ),
    (
        "locate = { label = \"Scope of the change\" }",
        "locate = { label = \"Scope of the change\" }\nkind = \"quill-text\"",
    ),
];

browser_tests! {
    sweep async fn a_map_is_drafted_of_every_form_with_the_controls_that_need_a_kind(browser: BrowserKind) {
        for form in FORMS.iter().filter(|form| form.drafted) {
            let rig = form.rig(browser, FaultPlan::none()).await;
            let address = rig.portal.url().join("exceptions/new").unwrap().to_string();
            let init = ["selectors", "init", &address, "--out", "drafted.toml"];
            let (code, document) = program(&rig, browser, &init, |map| map).await;
            assert_eq!(code, 0, "{document:#}");
            let map = read("map.toml".as_ref(), &rig.map_text).unwrap();
            let fields = drafted(&std::fs::read_to_string(rig.folder.path().join("drafted.toml")).unwrap());
            for field in map.file.tabs.iter().flat_map(|tab| &tab.fields) {
                let label = field.label.clone().unwrap();
                let found = fields.iter().filter(|one| one.get("label").and_then(toml::Value::as_str) == Some(label.as_str()));
                let found: Vec<_> = found.collect();
                assert_eq!(found.len(), 1, "{}: {label} in {fields:#?}", form.library);
                assert!(found[0]["locate"].get("css").is_none_or(|css| !css.as_str().unwrap().starts_with('<')), "{label}");
                if let WidgetKind::Select | WidgetKind::MultiSelect = field.widget {
                    assert_eq!(found[0].get("kind").is_some(), field.kind.is_some(), "{}: {label}", form.library);
                }
            }
        }
    }

    sweep async fn changes_of_a_built_form_halt_where_they_are_harmful(browser: BrowserKind) {
        let rig = form("antd").rig(browser, changing(FaultPlan::none())).await;
        // The script changes the radio buttons that the form keeps out of sight; and beside a hidden twin, this form's box is taken
        // for one with another label, which halts without need.
        let but = [("severity", "locked"), ("severity", "withdrawn"), ("severity", "reworded"), ("customer_facing", "shadowed")];
        surveys(&rig, browser, 1, &but).await;
    }

    sweep async fn every_form_is_submitted_once_as_the_record_says(browser: BrowserKind) {
        for form in &FORMS {
            let rig = form.rig(browser, FaultPlan::none()).await;
            let run = rig.run().await;
            assert_eq!(run.get().outcome, Outcome::Submitted, "{}: {}", form.library, told(&run));
            assert_submitted_once(&rig);
        }
    }
}
