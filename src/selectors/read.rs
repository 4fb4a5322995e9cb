//! Reads a selector map and checks it as a whole; every mistake points at its line.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use jiff::tz::TimeZone;
use regex::Regex;
use toml::Spanned;

use super::places;
use super::requests::RequestPattern;
use super::schema::{Field, MapFile, MapSchema};
use super::unfilled;
use crate::diagnostic::Diagnostic;
use crate::model::banner::BannerRule;
use crate::model::digest::Digest;
use crate::model::form::{RecordPath, WidgetKind};
use crate::model::ids::{AttachmentRole, FieldId};

/// Largest selector map, in bytes.
const LIMIT: usize = 1 << 20;

/// A selector map, read and checked.
#[derive(Debug, Clone)]
pub struct SelectorMap {
    /// The map as written.
    pub file: MapFile,
    /// Digest of the file, for the evidence.
    pub digest: Digest,
    /// Zone of the portal's local times.
    pub zone: TimeZone,
    /// Known banners.
    pub banners: Vec<BannerRule>,
    /// Declared unsafe requests, the commit not among them.
    pub requests: Vec<RequestPattern>,
    pub commit: RequestPattern,
    /// Form of a draft reference.
    pub draft_form: Regex,
    /// Form of a confirmation number, anchored.
    pub number_form: Regex,
    /// Text of the dialog before the commit, anchored.
    pub dialog_text: Option<Regex>,
    /// Wordings that a recording may keep.
    pub keep: Vec<Regex>,
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, span: Range<usize>, field: &str, message: impl Into<String>, help: &str) -> Diagnostic {
        Diagnostic::at(self.path, self.text, span, Some(field.to_owned()), message, help)
    }

    fn regex(&self, field: &str, text: &Spanned<String>, anchored: bool) -> Result<Regex, Diagnostic> {
        let source = text.get_ref();
        let whole = if anchored { format!("^(?:{source})$") } else { source.clone() };
        Regex::new(&whole).map_err(|error| {
            self.wrong(text.span(), field, error.to_string(), "write a regular expression of the Rust regex crate")
        })
    }

    fn pattern(
        &self,
        field: &str,
        id: &str,
        method: &Spanned<String>,
        path: &Spanned<String>,
        body: &std::collections::BTreeMap<String, String>,
    ) -> Result<RequestPattern, Diagnostic> {
        RequestPattern::parse(id, method.get_ref(), path.get_ref(), body).map_err(|error| {
            let span = if error == super::requests::PatternError::Path { path.span() } else { method.span() };
            self.wrong(span, field, error.to_string(), "declare what the gateway names in `undeclared-request`")
        })
    }

    fn field(&self, file: &MapFile, field: &Field, entered: bool) -> Result<(), Diagnostic> {
        let name = field.id.get_ref().as_str();
        match (&field.record, &field.constant) {
            (None, None) if !field.attachments.is_empty() && field.widget == WidgetKind::File => {
                for role in &field.attachments {
                    if AttachmentRole::parse(role.get_ref()).is_err() {
                        let help = "write the roles of the record's attachments, such as \"rollback-plan\"";
                        return Err(self.wrong(role.span(), name, "not a role of an attachment", help));
                    }
                }
            }
            (Some(path), None) if field.attachments.is_empty() => {
                let parsed = parse_record_path(path.get_ref()).ok_or_else(|| {
                    self.wrong(
                        path.span(),
                        name,
                        format!("{:?} names nothing in a change record", path.get_ref()),
                        "take one of the table in selectors/README.md, for instance `service.id` or `details.NAME`",
                    )
                })?;
                let file = matches!(parsed, RecordPath::Attachment(_));
                if file != (field.widget == WidgetKind::File) {
                    let help = "`attachment.ROLE` goes with widget `file`, and with no other";
                    return Err(self.wrong(path.span(), name, "value and widget do not fit", help));
                }
            }
            (None, Some(constant)) if field.attachments.is_empty() => {
                if field.widget == WidgetKind::Checkbox && !["yes", "no"].contains(&constant.as_str()) {
                    let help = "write `constant = true`, or false";
                    return Err(self.wrong(
                        field.id.span(),
                        name,
                        "a checkbox whose constant is neither true nor false",
                        help,
                    ));
                }
            }
            (Some(_) | None, Some(_) | None) => {
                let help = "a field takes its value from `record`, or has a `constant`; one of widget `file` may have `attachments`";
                return Err(self.wrong(field.id.span(), name, "needs exactly one of `record` and `constant`", help));
            }
        }
        if field.widget == WidgetKind::File && field.list.is_none() {
            let help = "declare `list`, so that uploads can be read back";
            return Err(self.wrong(field.id.span(), name, "a file field without a list of uploads", help));
        }
        let kinds = &file.kinds;
        if let Some(kind) = &field.kind {
            if !kinds.keys().any(|known| known.get_ref() == kind.get_ref()) {
                let message = format!("there is no kind {:?}", kind.get_ref());
                let help = format!("write [kind.{}], as selectors/README.md shows", kind.get_ref());
                return Err(self.wrong(kind.span(), name, message, &help));
            }
            if matches!(field.widget, WidgetKind::File | WidgetKind::ReadOnly) {
                let help = "leave `kind` out: a kind says how a value is entered";
                return Err(self.wrong(kind.span(), name, "nothing is entered here", help));
            }
        }
        if let Some(shown) = &field.shown {
            let help = "write {value} where the value stands, and leave `shown` out without `kind`";
            if field.kind.is_none() || !shown.get_ref().contains("{value}") {
                return Err(self.wrong(shown.span(), name, "`shown` does not say where the value stands", help));
            }
            shown_as(shown.get_ref(), "x").map_err(|error| self.wrong(shown.span(), name, error, help))?;
        }
        if !entered && field.widget != WidgetKind::ReadOnly {
            let help = "pages that only show values have fields of widget `read-only`";
            return Err(self.wrong(field.id.span(), name, "an enterable field outside the form", help));
        }
        Ok(())
    }
}

/// Reads and checks the selector map in `text`; `path` is used in messages alone.
///
/// # Errors
///
/// A [`Diagnostic`] naming file, line and field: syntax, unknown or missing keys, regular expressions, record paths,
/// doubled names, overlapping requests.
pub fn read(path: &Path, text: &str) -> Result<SelectorMap, Diagnostic> {
    if text.len() > LIMIT {
        return Err(Diagnostic::whole(path, "a selector map of more than 1 MiB", "name a selector map"));
    }
    let reader = Reader { path, text };
    if let Some((span, key, further)) = unfilled::first(text) {
        let message = format!("is still to be filled in, and {further} more after it");
        return Err(reader.wrong(span, &key, message, "write its value in place of `<fill in: …>`"));
    }
    let file: MapFile = toml::from_str(text).map_err(|error| {
        let help = "selectors/README.md lists every key";
        match error.span() {
            Some(span) => Diagnostic::at(path, text, span, None, error.message(), help),
            None => Diagnostic::whole(path, error.message(), help),
        }
    })?;
    check_addresses(&reader, &file)?;
    places::check(&file, text).map_err(|place| reader.wrong(place.span, &place.field, place.message, place.help))?;
    check_kinds(&reader, &file)?;
    check_fields(&reader, &file)?;
    check_saving(&reader, &file)?;
    check_parameters(&reader, &file)?;
    let zone = TimeZone::get(file.time_zone.get_ref()).map_err(|error| {
        reader.wrong(
            file.time_zone.span(),
            "time_zone",
            error.to_string(),
            "write an IANA zone such as \"Europe/Berlin\"",
        )
    })?;
    let banners = file
        .banners
        .iter()
        .map(|banner| {
            Ok(BannerRule { pattern: reader.regex("banner.text", &banner.text, false)?, meaning: banner.means })
        })
        .collect::<Result<_, Diagnostic>>()?;
    let (requests, commit) = declared_requests(&reader, &file)?;
    let dialog_text = match &file.submit.dialog {
        Some(dialog) => {
            let parts = (dialog.locate.is_some(), dialog.confirm.is_some(), dialog.attest.is_empty());
            let complete = if dialog.native { parts == (false, false, true) } else { parts.0 && parts.1 };
            if !complete {
                return Err(reader.wrong(
                    dialog.text.span(),
                    "submit.dialog",
                    "the dialog is not complete",
                    "give `locate` and `confirm` for a dialog of the page, or `native = true` and neither of them, nor `attest`, \
                     for one of the browser",
                ));
            }
            Some(reader.regex("submit.dialog.text", &dialog.text, true)?)
        }
        None => None,
    };
    Ok(SelectorMap {
        digest: Digest::of(text.as_bytes()),
        zone,
        banners,
        requests,
        commit,
        draft_form: reader.regex("draft.form", &file.draft.form, false)?,
        number_form: reader.regex("confirmation.form", &file.confirmation.form, true)?,
        dialog_text,
        keep: check_recording(&reader, &file)?,
        file,
    })
}

/// A text that no portal shows. Whatever matches it would keep everything.
const NEUTRAL: &str = "Qzxvkjw 48213 qxvz";

/// What a recording may keep is declared wording by wording, never all at once.
fn check_recording(reader: &Reader<'_>, file: &MapFile) -> Result<Vec<Regex>, Diagnostic> {
    for path in &file.recording.public {
        if !path.get_ref().starts_with('/') || path.get_ref().trim_matches('/').is_empty() {
            let help = "name a folder whose answers are the same for everyone, for instance \"/assets/\"";
            return Err(reader.wrong(path.span(), "recording.public", "not a path below the portal's root", help));
        }
    }
    let keep = |text: &Spanned<String>| {
        let pattern = reader.regex("recording.keep", text, false)?;
        if pattern.is_match(NEUTRAL) {
            let help = "write the wording itself";
            return Err(reader.wrong(text.span(), "recording.keep", "would keep any text", help));
        }
        Ok(pattern)
    };
    file.recording.keep.iter().map(keep).collect()
}

/// How a control or an option shows this value: the whole text, in which `{value}` stands for it.
///
/// # Errors
///
/// What is wrong with the expression.
pub(crate) fn shown_as(pattern: &str, value: &str) -> Result<Regex, String> {
    let pattern = pattern.replace("{value}", &regex::escape(value));
    Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(|error| error.to_string())
}

fn check_kinds(reader: &Reader<'_>, file: &MapFile) -> Result<(), Diagnostic> {
    for (name, kind) in &file.kinds {
        let field = format!("kind.{}", name.get_ref());
        let help = "selectors/README.md shows how a kind is written";
        if file.schema == MapSchema::V1 {
            let help = "write schema = \"portal-agent/map/2\"; all else stays";
            return Err(reader.wrong(name.span(), &field, "kinds are of the second version of the format", help));
        }
        if let Some(fault) = kind.fault() {
            return Err(reader.wrong(name.span(), &field, fault, help));
        }
    }
    Ok(())
}

fn check_addresses(reader: &Reader<'_>, file: &MapFile) -> Result<(), Diagnostic> {
    for url in std::iter::once(&file.base_url).chain(&file.origins) {
        let address = url.get_ref();
        if !matches!(address.scheme(), "http" | "https") || address.host().is_none() {
            let help = "write http://HOST[:PORT] or https://HOST[:PORT]";
            return Err(reader.wrong(url.span(), "base_url", "not an address of a web server", help));
        }
    }
    Ok(())
}

/// The field of a tab by its name.
pub(crate) fn form_field<'a>(file: &'a MapFile, id: &FieldId) -> Option<&'a Field> {
    file.tabs.iter().flat_map(|tab| &tab.fields).find(|field| field.id.get_ref() == id)
}

fn check_fields(reader: &Reader<'_>, file: &MapFile) -> Result<(), Diagnostic> {
    let mut tabs = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for tab in &file.tabs {
        if !tabs.insert(tab.id.get_ref()) {
            return Err(reader.wrong(tab.id.span(), "tab.id", "a tab of this name exists already", "name tabs apart"));
        }
        for field in &tab.fields {
            if !seen.insert(field.id.get_ref()) {
                let help = "name fields apart, over all tabs";
                return Err(reader.wrong(field.id.span(), "field.id", "a field of this name exists already", help));
            }
            reader.field(file, field, true)?;
        }
    }
    for (name, page) in [("review", &file.review), ("confirmation.submitted", &file.confirmation.submitted)] {
        let stated = |id: &FieldId| {
            page.lines.keys().chain(&page.omits).any(|known| known.get_ref() == id)
                || page.fields.iter().any(|known| known.id.get_ref() == id)
        };
        let entered = |field: &&Field| !matches!(field.widget, WidgetKind::File | WidgetKind::ReadOnly);
        let mut fields = file.tabs.iter().flat_map(|tab| &tab.fields).filter(entered);
        if let Some(field) = fields.find(|field| !stated(field.id.get_ref())) {
            let message = format!("{name}.lines says nothing of this field, so nothing would be compared");
            let help = "add it to `lines`, or to `omits` if that page really does not state it";
            return Err(reader.wrong(field.id.span(), field.id.get_ref().as_str(), message, help));
        }
    }
    if file.recheck.fields.is_empty() && file.recheck.lines.is_empty() {
        let help = "declare at least the approvers' states as [[recheck.field]]";
        return Err(Diagnostic::whole(reader.path, "`recheck` reads nothing again before the commit", help));
    }
    for page in [&file.review, &file.recheck, &file.confirmation.submitted] {
        let mut seen: BTreeSet<_> = page.lines.keys().map(Spanned::get_ref).collect();
        if let Some(line) = page.lines.keys().find(|line| form_field(file, line.get_ref()).is_none()) {
            let help = "name a field of one of the tabs";
            return Err(reader.wrong(line.span(), "lines", format!("no field {:?}", line.get_ref().as_str()), help));
        }
        for field in &page.fields {
            if !seen.insert(field.id.get_ref()) {
                let help = "name the fields of a page apart";
                return Err(reader.wrong(field.id.span(), "field.id", "a field of this name exists already", help));
            }
            reader.field(file, field, false)?;
        }
    }
    Ok(())
}

/// Every value that is entered is saved by something, and what a draft alone has comes after one.
fn check_saving(reader: &Reader<'_>, file: &MapFile) -> Result<(), Diagnostic> {
    let whole = file.draft.save.is_some();
    let mut saved = false;
    for tab in &file.tabs {
        let entered = |field: &Field| !matches!(field.widget, WidgetKind::File | WidgetKind::ReadOnly);
        if tab.after_save && !saved {
            let help = "put a tab before it that an empty form has, with values to enter and something that saves them";
            return Err(reader.wrong(tab.id.span(), "tab.after_save", "no draft is saved before this tab", help));
        }
        let has_values = tab.fields.iter().any(entered);
        if has_values && !whole && tab.save.is_none() {
            let help = "give this tab `save`, or the form as a whole in [draft]";
            return Err(reader.wrong(tab.id.span(), "tab.save", "nothing saves the values of this tab", help));
        }
        saved |= has_values && (whole || tab.save.is_some());
    }
    if !saved && !whole {
        let help = "give `save` in [draft], or in a tab with values to enter";
        return Err(reader.wrong(file.draft.form.span(), "draft.save", "nothing saves a draft", help));
    }
    Ok(())
}

fn check_parameters(reader: &Reader<'_>, file: &MapFile) -> Result<(), Diagnostic> {
    let mut seen = BTreeSet::new();
    for parameter in &file.commit.parameters {
        let name = parameter.name.get_ref();
        if !seen.insert(name) {
            let help = "a parameter may occur once in a request";
            return Err(reader.wrong(parameter.name.span(), name, "a parameter of this name exists already", help));
        }
        let kinds = [parameter.field.is_some(), parameter.draft, parameter.constant.is_some(), parameter.volatile];
        if kinds.iter().filter(|kind| **kind).count() != 1 {
            let help =
                "say what it carries: `field = \"ID\"`, `draft = true`, `constant = \"TEXT\"` or `volatile = true`";
            return Err(reader.wrong(parameter.name.span(), name, "needs exactly one kind", help));
        }
        if let Some(pattern) = &parameter.format
            && (parameter.field.is_none() || jiff::fmt::strtime::format(pattern, &jiff::Zoned::now()).is_err())
        {
            let help = "write a strftime pattern such as \"%Y-%m-%dT%H:%M\", beside `field`";
            return Err(reader.wrong(parameter.name.span(), name, "`format` is no pattern for a field's moment", help));
        }
        if let Some(field) = &parameter.field
            && form_field(file, field.get_ref()).is_none()
        {
            let help = "name a field of one of the tabs";
            return Err(reader.wrong(field.span(), name, format!("no field {:?}", field.get_ref().as_str()), help));
        }
    }
    Ok(())
}

fn declared_requests(reader: &Reader<'_>, file: &MapFile) -> Result<(Vec<RequestPattern>, RequestPattern), Diagnostic> {
    let declared = &file.commit;
    let commit = reader.pattern("commit", "commit", &declared.method, &declared.path, &declared.body)?;
    let mut requests: Vec<RequestPattern> = Vec::new();
    for request in &file.requests {
        let mut pattern = reader.pattern("request", &request.id, &request.method, &request.path, &request.body)?;
        if let Some(other) = requests.iter().chain([&commit]).find(|other| other.overlaps(&pattern)) {
            let message = format!("could match the same request as {:?}", other.id);
            let help = "tell them apart by path, or by a property of the body";
            return Err(reader.wrong(request.path.span(), &request.id, message, help));
        }
        pattern.reads = request.reads;
        requests.push(pattern);
    }
    Ok((requests, commit))
}

/// Reads a path into the change record, as `record = "…"` names it. A constant is none.
pub(crate) fn parse_record_path(text: &str) -> Option<RecordPath> {
    RecordPath::parse(text).filter(|path| *path != RecordPath::Constant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_of_a_checkbox_is_true_or_false() {
        let map = include_str!("../../selectors/reference.toml");
        let with = |constant: &str| read("m".as_ref(), &map.replacen("constant = \"yes\"", constant, 1));
        let constant =
            |map: &SelectorMap| form_field(&map.file, &FieldId::parse("duties").unwrap()).unwrap().constant.clone();
        assert_eq!(constant(&with("constant = true").unwrap()).as_deref(), Some("yes"));
        assert_eq!(constant(&with("constant = false").unwrap()).as_deref(), Some("no"));
        let told = with("constant = \"on\"").unwrap_err().to_string();
        assert!(told.contains("neither true nor false") && told.contains("`constant = true`"), "{told}");
    }

    #[test]
    fn what_a_value_is_shown_as_is_the_whole_text_and_the_value_as_it_is() {
        let shown = shown_as(r"{value} \(.+\)|{value}", "orders.eu").unwrap();
        for (text, fits) in [
            ("orders.eu (Orders)", true),
            ("orders.eu", true),
            ("ordersxeu (Orders)", false),
            ("my orders.eu (Orders)", false),
            ("orders.eu (Orders) old", false),
            ("orders.eu-archive", false),
        ] {
            assert_eq!(shown.is_match(text), fits, "{text}");
        }
    }
}
