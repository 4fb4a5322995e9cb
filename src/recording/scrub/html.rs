//! HTML: parsed as browsers do, judged node by node, and written anew.

use std::collections::HashSet;

use ego_tree::NodeId;
use ego_tree::iter::Edge;
use scraper::node::{Doctype, Element};
use scraper::{Html, Node};

use super::Scrubber;
use super::attributes::{Owner, is_public_attribute, is_public_tag};
use super::judge::apply;
use super::{script, style};

const VOID: [&str; 18] = [
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link",
    "meta", "param", "source", "track", "wbr",
];
/// Elements whose text is written without entities.
const RAW: [&str; 7] = ["iframe", "noembed", "noframes", "plaintext", "script", "style", "xmp"];
const HTML: &str = "http://www.w3.org/1999/xhtml";

/// What the text of a `<script>` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    JavaScript,
    Json,
    Other,
}

fn language(element: &Element) -> Language {
    let kind = element.attr("type").or(element.attr("language")).unwrap_or_default().trim().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.is_empty() || kind == "module" || kind.ends_with("javascript") || kind.ends_with("ecmascript") {
        Language::JavaScript
    } else if kind.ends_with("json") || matches!(kind, "importmap" | "speculationrules") {
        Language::Json
    } else {
        Language::Other
    }
}

/// A page, or part of one. Part of a table is one only inside a template: elsewhere its cells would be lost.
fn parse(html: &str) -> (Html, bool) {
    let lower = html.to_ascii_lowercase();
    let page = ["<!doctype", "<html", "<head>", "<head ", "<body"].iter().any(|start| lower.contains(start));
    if page {
        (Html::parse_document(html), false)
    } else {
        (Html::parse_fragment(&format!("<template>{html}</template>")), true)
    }
}

/// An element that is being written.
struct Open<'a> {
    element: &'a Element,
    tag: String,
    wording: bool,
    written: bool,
}

impl Scrubber {
    /// Learns the names of a page: those in the code of its scripts and styles, and of its elements and attributes.
    pub(crate) fn learn_page(&mut self, html: &str) {
        let (page, _) = parse(html);
        for node in page.tree.nodes() {
            let Some(element) = node.value().as_element() else { continue };
            if is_public_tag(element.name()) {
                self.judge.learn_words(element.name());
            }
            for (name, value) in element.attrs() {
                if is_public_attribute(name) {
                    self.judge.learn_words(name);
                }
                if name.starts_with("on") {
                    self.learn_script(value);
                } else if name == "style" {
                    self.learn_style(value);
                } else if name == "srcdoc" {
                    self.learn_page(value);
                }
            }
            let text: String =
                node.children().filter_map(|child| child.value().as_text().map(|text| &**text)).collect();
            match element.name() {
                "script" if language(element) == Language::JavaScript => self.learn_script(&text),
                "style" => self.learn_style(&text),
                "noscript" if !nests(&text) => self.learn_page(&text),
                _ => {}
            }
        }
    }

    fn learn_script(&mut self, code: &str) {
        script::identifiers(code).into_iter().for_each(|name| self.judge.learn_words(name));
    }

    fn learn_style(&mut self, code: &str) {
        style::identifiers(code).iter().for_each(|name| self.judge.learn_words(name));
    }

    /// A page or part of one. Comments are dropped, texts are kept when they are permitted or the portal's wording, and
    /// every attribute is judged by what browsers take it for.
    pub fn html(&self, html: &str) -> String {
        let (page, part) = parse(html);
        let wording: HashSet<NodeId> = match &self.wording {
            Some(selector) => page.select(selector).map(|element| element.id()).collect(),
            None => HashSet::new(),
        };
        let mut out = String::with_capacity(html.len());
        let mut open: Vec<Open<'_>> = Vec::new();
        // A part stands in a template, and that in an element of the parser.
        let mut around = if part { 2 } else { 0 };
        for edge in page.tree.root().traverse() {
            match edge {
                Edge::Open(node) => match node.value() {
                    Node::Doctype(doctype) => out.push_str(&doctype_of(doctype)),
                    Node::Text(text) => out.push_str(&self.text_node(text, open.last())),
                    Node::Element(element) => {
                        let written = around == 0;
                        around -= usize::from(!written);
                        let tag = self.tag(element.name());
                        if written {
                            self.start(element, &tag, &mut out);
                        }
                        let wording = wording.contains(&node.id()) || open.last().is_some_and(|parent| parent.wording);
                        open.push(Open { element, tag, wording, written });
                    }
                    Node::Document | Node::Fragment | Node::Comment(_) | Node::ProcessingInstruction(_) => {}
                },
                Edge::Close(node) if node.value().is_element() => {
                    if let Some(closed) = open.pop()
                        && closed.written
                        && !(is_html(closed.element) && VOID.contains(&closed.element.name()))
                    {
                        out.push_str(&format!("</{}>", closed.tag));
                    }
                }
                Edge::Close(_) => {}
            }
        }
        out
    }

    fn tag(&self, name: &str) -> String {
        if is_public_tag(name) { name.to_owned() } else { self.name(name) }
    }

    fn start(&self, element: &Element, tag: &str, out: &mut String) {
        let lower = |name: &str| element.attr(name).unwrap_or_default().trim().to_ascii_lowercase();
        let owner = Owner { tag: element.name(), kind: lower("type"), equivalent: lower("http-equiv") };
        out.push('<');
        out.push_str(tag);
        for (name, value) in element.attrs() {
            if let Some(value) = self.attribute(name, value, &owner) {
                let name = if is_public_attribute(name) { name.to_owned() } else { self.name(name) };
                out.push_str(&format!(" {name}=\"{}\"", escaped(&value, true)));
            }
        }
        out.push('>');
    }

    fn text_node(&self, text: &str, parent: Option<&Open<'_>>) -> String {
        let Some(parent) = parent else { return escaped(&self.text(text), false) };
        let name = if is_html(parent.element) { parent.element.name() } else { parent.element.name().trim() };
        let judged = match name {
            "script" => match language(parent.element) {
                Language::JavaScript => self.script(text),
                Language::Json => self.json(text),
                Language::Other => self.text(text),
            },
            "style" => self.style(text),
            // Browsers that run scripts read it as text, and others as elements; one in another is only there to be unfolded.
            "noscript" => return if nests(text) { String::new() } else { self.html(text) },
            _ if parent.wording => apply(text, &self.judge.with_stand_ins(text)),
            _ => self.text(text),
        };
        if is_html(parent.element) && RAW.contains(&name) {
            // Nothing that was put in may end the element.
            let ends = judged.to_ascii_lowercase().contains(&format!("</{name}"));
            return if ends && name != "plaintext" { String::new() } else { judged };
        }
        // Browsers drop the first line break of these.
        let line = if matches!(name, "textarea" | "pre" | "listing") && judged.starts_with('\n') { "\n" } else { "" };
        format!("{line}{}", escaped(&judged, false))
    }
}

fn nests(text: &str) -> bool {
    text.to_ascii_lowercase().contains("<noscript")
}

fn is_html(element: &Element) -> bool {
    *element.name.ns == *HTML
}

fn doctype_of(doctype: &Doctype) -> String {
    let known = doctype.public_id().starts_with("-//W3C//DTD ") && doctype.public_id().len() < 60;
    if !doctype.name().eq_ignore_ascii_case("html") {
        String::new()
    } else if known {
        // Without a system identifier some of these would change how the page is laid out.
        let system = if doctype.system_id().is_empty() { "" } else { " \"http://www.w3.org/TR/html4/strict.dtd\"" };
        format!("<!DOCTYPE html PUBLIC \"{}\"{system}>", doctype.public_id().replace('"', ""))
    } else {
        "<!DOCTYPE html>".to_owned()
    }
}

fn escaped(text: &str, attribute: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            '"' if attribute => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::scrub::Permission;

    const SCRIPT: &str = include_str!("../../reference_portal/assets/form.js");

    fn scrubber() -> Scrubber {
        let list = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let permission = Permission {
            phrases: list(&["Window end", "Save draft", "Emergency fix", "Choose…", "DRF-000012"]),
            pairs: vec![("CHG-77001".into(), "CHG-10000".into())],
            names: list(&["exceptions", "api", "edit", "main", "csrf", "reference", "emergency", "fix"]),
            wording: Some("h1, h2, [role=tab]".into()),
            ..Permission::default()
        };
        Scrubber::new(permission, [11; 32]).unwrap()
    }

    fn scrubbed(html: &str) -> String {
        let mut scrubber = scrubber();
        scrubber.learn_page(html);
        scrubber.html(html)
    }

    #[test]
    fn nothing_that_was_planted_in_a_page_is_left() {
        let page = "<!doctype html><html lang=en><head><title>Jane Quimby-Doe</title><!-- hunter22 Quimby -->\
            <meta name=owner content='Jane Quimby-Doe'><link rel=x href='//u:hunter22@quimby.example/Quimby?Quimby=Quimby#Quimby'>\
            <style>/* Quimby */ .a::after { content: 'Quimby \\51uimby'; --note: Quimby hunter22 }</style>\
            <noscript><p title=Quimby>Quimby &#81;uimby<!-- Quimby --></p></noscript></head><body data-name='Quimby'>\
            <p id=Quimby class='Quimby row' title='Quimby' aria-label=Quimby>Ring Jane Quimby-Doe, born 1984-03-07, \
            jane@quimby.example, &#81;&#117;imby, DE89370400440532013000, DB down since Quimby called</p>\
            <template><td>Quimby</td></template><img alt=Quimby srcset='/Quimby.png 1x, /%51uimby.png 2x'>\
            <textarea name=Quimby>\n\nQuimby</textarea><select><option value=Quimby>Quimby</select>\
            <a href='/x/%51%75imby' onclick=\"tell('Quimby \\u0051uimby')\" data-props='{&quot;Quimby&quot;:&quot;\\u0051uimby&quot;}'>x</a>\
            <iframe srcdoc='<p>Quimby</p>'>Quimby</iframe><xmp>Quimby</xmp><svg><text>Quimby</text><quimby/></svg>\
            <script>/* Quimby */ const a = 'Quimby', b = `\\u0051uimby ${a} Quimby`; // hunter22\n</script>\
            <script type=application/json>{\"Quimby\": [\"\\u0051uimby\", 37040044]}</script>\
            <script type=text/x-template><b title=Quimby>Quimby</b></script><quimby>x</quimby><input value=hunter22>\
            <math><annotation-xml encoding=Quimby>Quimby</annotation-xml></math></body></html>";
        let out = scrubbed(page);
        let lower = out.to_lowercase();
        for canary in
            ["quimby", "uimby", "imby", "jane", "hunter22", "1984", "de8937", "37040044", "down", "0051", "%51", "#81"]
        {
            assert!(!lower.contains(canary), "{canary} in {out}");
        }
        // The same word is the same everywhere, however it was written and wherever it stood.
        let pseudonym = scrubber().name("Quimby");
        assert!(out.matches(&pseudonym).count() > 30, "{out}");
        assert!(out.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{out}");
    }

    #[test]
    fn a_form_still_fits_its_script() {
        let page = format!(
            "<!doctype html><html><head><style>#list-a li {{ color: red }}</style></head><body><h1>Change of Acme's</h1>\
             <form id=\"exception\" novalidate data-csrf=\"s3cr3tt0ken\" data-reference=\"DRF-000012\" data-switches=\"\">\
             <button type=\"button\" role=\"tab\" id=\"tab-window\" aria-controls=\"panel-window\">Acme <b>window</b></button>\
             <section role=\"tabpanel\" id=\"panel-window\" hidden><label for=\"window_end\">Window end<span> *</span></label>\
             <input id=\"window_end\" name=\"window_end\" type=\"datetime-local\" value=\"2026-12-04T02:00\">\
             <span id=\"complaint-window_end\"></span><input name=\"change\" value=\"CHG-77001\">\
             <select name=\"category\"><option value=\"\">Choose…</option><option value=\"emergency-fix\" selected>Emergency fix\
             </option><option value=\"acme-only\">Acme alone</option></select></section>\
             <p><button type=\"submit\" id=\"save\">Save draft</button></p></form><script>{SCRIPT}</script></body></html>"
        );
        let out = scrubbed(&page);
        for kept in [
            "<h1>Change of Acme's</h1>",
            "data-reference=\"DRF-000012\"",
            "Acme <b>window</b></button>",
            "<label for=\"window_end\">Window end<span> *</span></label>",
            "id=\"window_end\"",
            "control.name === 'window_end'",
            "'/exceptions/' + reference + '/edit'",
            "'[data-testid=",
            "answer.status === 422",
            "value=\"CHG-10000\"",
            "<option selected=\"\" value=\"emergency-fix\">Emergency fix</option>",
            "id=\"save\" type=\"submit\">Save draft</button>",
        ] {
            assert!(out.contains(kept), "{kept} in {out}");
        }
        let complaint = scrubber().name("complaint");
        assert!(out.contains(&format!("id=\"{complaint}-window_end\"")), "{out}");
        assert!(out.contains(&format!("getElementById('{complaint}-' + name)")), "{out}");
        assert!(!out.contains("s3cr3tt0ken") && !out.contains("2026-12-04") && !out.contains("Acme alone"), "{out}");
        let other = |text: &str| out.contains(text);
        assert!(
            !other("acme-only") && !other("Validation as real portals") && !other("This incident is closed"),
            "{out}"
        );
        let page = Html::parse_document(&out);
        let script: String = page.select(&scraper::Selector::parse("script").unwrap()).flat_map(|e| e.text()).collect();
        assert!(script::literals(&script).is_some(), "the script still parses");
        assert_eq!(scrubbed(&page.html()).matches('<').count(), out.matches('<').count());
    }

    #[test]
    fn names_refer_to_each_other_wherever_they_stand() {
        let out = scrubbed(
            "<style>.a { background: url(/files/Quimby.png) }</style><label for=quimby-1>x</label><input id=quimby-1>\
             <a href=/files/Quimby.png>x</a><script>f('#quimby-1', '/files/Quimby.png', {\"Quimby\": 1})</script>",
        );
        let s = scrubber();
        let (id, path) = (s.name("quimby-1"), s.url("/files/Quimby.png"));
        assert!(id.ends_with("-1") && path.ends_with(".png"));
        for kept in
            [format!("for=\"{id}\""), format!("id=\"{id}\""), format!("'#{id}', '{path}'"), format!("url(\"{path}\")")]
        {
            assert!(out.contains(&kept), "{kept} in {out}");
        }
        assert!(out.contains(&format!("href=\"{path}\"")), "{out}");
    }

    #[test]
    fn part_of_a_page_stays_a_part() {
        assert_eq!(scrubbed("<tr><td class=row>Save draft</td></tr>"), "<tr><td class=\"row\">Save draft</td></tr>");
        assert_eq!(
            scrubbed("<td>1</td></template><p>Save draft"),
            format!("<td>{}</td><p>Save draft</p>", scrubber().text("1"))
        );
    }

    #[test]
    fn the_portals_wording_is_kept_and_stand_ins_are_put_in() {
        let out = scrubbed("<h2>Review of <i>CHG-77001</i> &amp; more</h2><h3>Review</h3>");
        assert!(
            out.starts_with("<h2>Review of <i>CHG-10000</i> &amp; more</h2>") && !out.ends_with("Review</h3>"),
            "{out}"
        );
    }

    #[test]
    fn what_is_put_in_ends_no_script() {
        let pairs = vec![("Quimby".to_owned(), "</script><b>".to_owned())];
        let scrubber = Scrubber::new(Permission { pairs, ..Permission::default() }, [1; 32]).unwrap();
        let kinds = ["", " type=application/json", " type=text/x-template"];
        for kind in kinds {
            let out = scrubber.html(&format!("<script{kind}>\"Quimby\"</script>"));
            assert!(!out.contains("<b>") && out.matches("</script>").count() == 1, "{out}");
        }
    }

    #[test]
    fn noscripts_folded_into_each_other_are_dropped_and_not_unfolded() {
        let deep = format!("<p>x</p>{}Quimby{}", "<noscript>".repeat(20_000), "</noscript>".repeat(20_000));
        assert!(!scrubber().html(&deep).contains("Quimby"));
    }
}
