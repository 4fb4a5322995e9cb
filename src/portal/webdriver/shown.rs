//! What the portal shows without a form: the lists of exceptions, and pages of values.

use std::collections::BTreeMap;

use super::WebPortal;
use super::answer::PageSnapshot;
use super::ask::{FieldQuery, PageQuery};
use super::bounds::{self, ROWS};
use super::pages::{Expect, SETTLES};
use crate::model::form::PlannedField;
use crate::model::ids::ChangeId;
use crate::model::observed::ObservedPage;
use crate::model::portal_facts::{Created, ListedException, ListedState};
use crate::model::time::Instant;
use crate::portal::{PortalError, ShownPage};
use crate::selectors::paths::fill_path;
use crate::selectors::schema::ReadPage;

/// One row of a list, by cell.
type Row = BTreeMap<String, Option<String>>;

/// Names under which a list is asked for what shows more of it, and for how many rows it has.
const NEXT: &str = "further rows";
const TOTAL: &str = "number of rows";

impl WebPortal {
    /// Every row of the lists that the map names, each once.
    pub(super) async fn read_lists(&mut self) -> Result<Vec<ListedException>, PortalError> {
        let list = self.map().exceptions.clone();
        let cells = [
            ("number", Some(&list.number)),
            ("change_id", Some(&list.change_id)),
            ("service", list.service.as_ref()),
            ("state", Some(&list.state)),
            ("created_at", list.created_at.as_ref()),
        ];
        let mut ask = PageQuery::state(self.map()).target("list", &list.ready).table("rows", &list.rows, &cells);
        for (name, locators) in [(NEXT, &list.next), (TOTAL, &list.total)] {
            ask = locators.iter().fold(ask, |ask, locators| ask.target(name, locators));
        }
        let mut found: Vec<ListedException> = Vec::new();
        for path in &list.paths {
            let values = [("service", self.config.service.as_str()), ("change", self.config.change.as_str())];
            let path = fill_path(path, &values);
            for row in self.read_list(&path, &ask).await? {
                let row = self.listed(&path, &row)?;
                if !found.contains(&row) {
                    found.push(row);
                }
            }
        }
        Ok(found)
    }

    /// The rows of one list, page by page, each once: as many as the page says that there are, where it says so.
    async fn read_list(&mut self, path: &str, ask: &PageQuery) -> Result<Vec<Row>, PortalError> {
        let what = "the list of exceptions";
        let unreadable = |why: String| PortalError::UnreadableList(format!("{}, {why}", plain(path)));
        let control = self.config.control.clone();
        let ready =
            |answer: &PageSnapshot| answer.target("list").count == 1 && !answer.state.busy && control.in_flight() == 0;
        let mut answer = self.open(what, path, ask, Expect::Session, ready).await?;
        let mut all: Vec<Row> = Vec::new();
        loop {
            let rows = answer.tables.get("rows").cloned().unwrap_or_default();
            let news: Vec<Row> = rows.iter().filter(|row| !all.contains(row)).cloned().collect();
            if news.is_empty() && !all.is_empty() {
                return Err(unreadable("which shows the same rows again".to_owned()));
            }
            all.extend(news);
            if all.len() > ROWS {
                return Err(unreadable(format!("with more than {ROWS} rows")));
            }
            let total = answer.target(TOTAL).text;
            let total =
                total.map(|text| text.chars().filter(char::is_ascii_digit).collect::<String>().parse::<usize>());
            let next = answer.target(NEXT);
            match (total, next.element.filter(|_| next.count == 1 && next.usable)) {
                (Some(Ok(total)), _) if total == all.len() => return Ok(all),
                (Some(Ok(total)), None) => return Err(unreadable(format!("with {} rows of {total}", all.len()))),
                (Some(Err(_)), _) => return Err(unreadable("which does not tell how many rows there are".to_owned())),
                // A list that says how many it has must say so.
                (None, None) if self.map().exceptions.total.is_some() => {
                    return Err(unreadable("which does not tell how many rows there are".to_owned()));
                }
                (None, None) => return Ok(all),
                (Some(Ok(_)) | None, Some(next)) => {
                    let passed = control.passed();
                    self.wire.click(&next).await?;
                    self.traffic_settles(passed, SETTLES).await;
                    let limit = self.ready_limit();
                    let another = |answer: &PageSnapshot| ready(answer) && answer.tables.get("rows") != Some(&rows);
                    answer = self.wait("further rows of the list", ask, Expect::Session, limit, another).await?;
                }
            }
        }
    }

    fn listed(&self, path: &str, row: &Row) -> Result<ListedException, PortalError> {
        let unreadable = || PortalError::UnreadableList(plain(path).to_owned());
        let cell = |name: &str| row.get(name).cloned().flatten().map(bounds::text);
        let states = &self.map().exceptions.states;
        let word = cell("state").ok_or_else(unreadable)?;
        let state = if states.draft.contains(&word) {
            ListedState::Draft
        } else if states.submitted.contains(&word) {
            ListedState::Submitted
        } else if states.closed.contains(&word) {
            ListedState::Closed
        } else {
            ListedState::Unknown
        };
        let number = cell("number").filter(|text| !text.is_empty()).ok_or_else(unreadable)?;
        let change_id = cell("change_id").ok_or_else(unreadable)?;
        let forms = &self.config.map;
        let draft = |text: &str| forms.draft_form.find(text).is_some_and(|found| found.as_str() == text);
        let known = forms.number_form.is_match(&number) || draft(&number);
        let recognised = known && ChangeId::parse(&change_id).is_ok();
        Ok(ListedException {
            state,
            created: match (&self.map().exceptions.created_at, cell("created_at")) {
                (None, _) => Created::NotListed,
                (Some(_), Some(text)) => Instant::parse(&text).map_or(Created::Unreadable, Created::At),
                (Some(_), None) => Created::Unreadable,
            },
            recognised,
            other_service: cell("service").is_some_and(|text| self.names_another_service(&text)),
            number,
            change_id,
        })
    }

    /// Whether a cell names a service, and not this one: neither by its identifier nor as the form shows it.
    fn names_another_service(&self, cell: &str) -> bool {
        let id = self.config.service.as_str();
        let fields = self.map().tabs.iter().flat_map(|tab| &tab.fields);
        let carries = |record: &&toml::Spanned<String>| record.get_ref() == "service.id";
        let shown = fields.filter(|field| field.record.as_ref().filter(carries).is_some());
        let shown = shown.filter_map(|field| field.values.get(id)).map(String::as_str);
        !id.is_empty() && !cell.is_empty() && ![id].into_iter().chain(shown).any(|name| names(cell, name))
    }

    /// Opens a page of values and reads the lines planned for it.
    pub(super) async fn read_lines(
        &mut self,
        page: ShownPage<'_>,
        lines: &[PlannedField],
    ) -> Result<ObservedPage, PortalError> {
        let (declared, path) = self.read_page_of(page);
        let fields = lines
            .iter()
            .filter_map(|line| {
                let own =
                    declared.fields.iter().find(|known| known.id.get_ref() == &line.id).map(|known| &known.locate);
                let inherited =
                    || declared.lines.iter().find(|(known, _)| known.get_ref() == &line.id).map(|(_, locate)| locate);
                let review = &self.map().review;
                let same_page = || {
                    let lines = review.lines.iter().find(|(known, _)| known.get_ref() == &line.id);
                    let own = review.fields.iter().find(|known| known.id.get_ref() == &line.id);
                    let recheck = matches!(page, ShownPage::Recheck(_)) && declared.path == review.path;
                    lines.map(|(_, locate)| locate).or(own.map(|own| &own.locate)).filter(|_| recheck)
                };
                own.or_else(inherited).or_else(same_page).map(|locate| FieldQuery::new(line, locate))
            })
            .collect();
        let mut ask = PageQuery::state(self.map()).fields(fields).target("ready", &declared.ready);
        let lists_files = declared.files.is_some();
        if let Some(list) = &declared.files {
            ask = ask.files("files", list);
        }
        let control = self.config.control.clone();
        let ready =
            |answer: &PageSnapshot| answer.target("ready").count == 1 && !answer.state.busy && control.in_flight() == 0;
        let answer = self.open("a page of the portal", &path, &ask, Expect::Session, ready).await?;
        Ok(ObservedPage {
            lines: answer.found_all(lines),
            banners: answer.banners(),
            files: lists_files.then(|| answer.files("files")),
        })
    }

    fn read_page_of(&self, page: ShownPage<'_>) -> (&ReadPage, String) {
        let map = self.map();
        match page {
            ShownPage::Review(draft) => (&map.review, fill_path(&map.review.path, &[("draft", draft.as_str())])),
            ShownPage::Recheck(draft) => (&map.recheck, fill_path(&map.recheck.path, &[("draft", draft.as_str())])),
            ShownPage::Submitted(number) => {
                let page = &map.confirmation.submitted;
                (page, fill_path(&page.path, &[("number", number)]))
            }
        }
    }
}

/// Whether a cell names this: alone, or as a word among others, such as in "Orders (orders)".
fn names(cell: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "-_./:".contains(c);
    cell == name || cell.split(|c| !part(c)).any(|word| word.eq_ignore_ascii_case(name))
}

/// A path without its query.
fn plain(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_namesake_is_another_service() {
        for cell in ["orders", "Orders (orders)", "CI: orders", "orders, production", "ORDERS"] {
            assert!(names(cell, "orders"), "{cell}");
        }
        for cell in ["orders-archive", "preorders", "orders.eu", "orders_old", "Orderbook"] {
            assert!(!names(cell, "orders"), "{cell}");
        }
    }
}
