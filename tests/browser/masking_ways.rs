//! Ways in which a hidden value gets into a picture, with and without malice: judged by the pixels of a colour that only it has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use portal_agent::gateway::doorway::Doorway;
use portal_agent::gateway::policy::GatewayPolicy;
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use portal_agent::mask::masked::{MaskGate, Permissions};
use portal_agent::mask::picture::MaskedPicture;
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::form::PlannedTab;
use portal_agent::model::ids::{FieldId, TabId};
use portal_agent::model::private::Private;
use portal_agent::portal::driver::Driver;
use portal_agent::portal::webdriver::wire::Wire;
use portal_agent::portal::webdriver::{Credentials, WebPortal, WebPortalConfig};
use portal_agent::portal::{Portal as _, PortalError, Scene};
use portal_agent::selectors::read::read as read_map;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::browser_tests;
use crate::support::session;

/// What may not be shown. On every page it is magenta.
const SECRET: &str = "Jane Doe\n4711";

const PAGE: &str = r#"<!doctype html><meta charset=utf-8><title>ready</title>
<style>body { margin: 0; font: 20px sans-serif } .s { color: #f0f }</style>
<h2>Exception</h2>
<label id=l for=service>Service identifier</label><br><input id=service value="checkout-api" style="font-size: 30px"><br>
<label for=environment>Environment</label><br><select id=environment><option selected>Production<option>Staging</select><br>
<label for=incident>Incident reference</label><br><input id=incident value=INC1><br>
<output id=owner style="display: block">maria.chen</output>
"#;

/// Without malice: what portals do. There is a picture of each.
const PLAIN: [(&str, &str); 53] = [
    (
        "a tooltip after a label",
        r#"<style>#l::after { content: attr(data-tip); color: #f0f }</style><script>l.dataset.tip = 'Jane Doe'</script>"#,
    ),
    ("a text before a label", r#"<style>#l::before { content: 'Jane Doe'; color: #f0f }</style>"#),
    (
        "a bubble over a control",
        r#"<style>#l { position: relative } #l::after { content: 'Jane Doe'; position: absolute; left: 0; top: 22px; background: #fff; color: #f0f }</style>"#,
    ),
    (
        "a toast in a shadow root",
        r#"<div id=t style='position: fixed; top: 30px; left: 10px'></div><script>t.attachShadow({mode: 'open'}).innerHTML = '<p style="color: #f0f">Jane Doe</p>'</script>"#,
    ),
    (
        "an output inside a label",
        r#"<script>l.innerHTML = 'Service identifier <output style="color: #f0f">Jane Doe</output>'</script>"#,
    ),
    (
        "a control inside a label",
        r#"<script>l.innerHTML = 'Service identifier <button style="color: #f0f">Jane Doe</button>'</script>"#,
    ),
    (
        "a text that overflows under a transparent control",
        r#"<style>#service { background: transparent }</style><div class=s style='position: absolute; top: 40px; left: 0; z-index: -1; font-size: 40px'>Jane Doe of Sales</div>"#,
    ),
    (
        "an image behind body",
        r#"<style>body { background: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='90' height='30'%3E%3Crect width='90' height='30' fill='%23f0f'/%3E%3C/svg%3E") }</style>"#,
    ),
    (
        "an image behind html",
        r#"<style>html { background: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='90' height='30'%3E%3Crect width='90' height='30' fill='%23f0f'/%3E%3C/svg%3E") }</style>"#,
    ),
    (
        "an image behind a control",
        r#"<style>#service { background: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='90' height='30'%3E%3Crect width='90' height='30' fill='%23f0f'/%3E%3C/svg%3E") }</style>"#,
    ),
    ("a gradient behind a label", r#"<style>#l { background: linear-gradient(#f0f, #f0f) }</style>"#),
    (
        "an image as border",
        r#"<style>#service { border: 9px solid; border-image: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='90' height='30'%3E%3Crect width='90' height='30' fill='%23f0f'/%3E%3C/svg%3E") 9 }</style>"#,
    ),
    ("a shadow inside a control", r#"<style>#service { appearance: none; box-shadow: inset 0 0 0 9px #f0f }</style>"#),
    ("a shadow of a text", r#"<style>#service { text-shadow: 90px 0 #f0f }</style>"#),
    (
        "a shadow by a filter",
        r#"<style>#service { filter: drop-shadow(0 0 9px #f0f) drop-shadow(0 0 1px #f0f) }</style>"#,
    ),
    ("an outline", r#"<style>#service { outline: 5px solid #f0f }</style>"#),
    (
        "a placeholder",
        r#"<style>#incident::placeholder { color: #f0f; opacity: 1 }</style><script>incident.value = ''; incident.placeholder = 'Jane Doe'</script>"#,
    ),
    (
        "a marker in a list",
        r#"<style>#owner li::marker { content: 'Jane Doe'; color: #f0f }</style><script>owner.innerHTML = '<ul style="padding-left: 99px"><li>maria.chen</ul>'</script>"#,
    ),
    (
        "an image in a value",
        r#"<template id=x>maria.chen <img src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='90' height='30'%3E%3Crect width='90' height='30' fill='%23f0f'/%3E%3C/svg%3E"></template><script>owner.replaceChildren(x.content)</script>"#,
    ),
    (
        "a drawing in a value",
        r#"<template id=x>maria.chen <svg width=90 height=20><rect width=90 height=20 fill='#f0f'/></svg></template><script>owner.replaceChildren(x.content)</script>"#,
    ),
    (
        "a canvas in a value",
        r#"<script>c = owner.appendChild(document.createElement('canvas')); c.height = 20; d = c.getContext('2d'); d.fillStyle = '#f0f'; d.fillRect(0, 0, 90, 20)</script>"#,
    ),
    (
        "a frame over a control",
        r#"<iframe style='position: absolute; top: 30px; left: 0; border: 0' srcdoc='<p style="color: #f0f; font-size: 40px">Jane Doe'></iframe>"#,
    ),
    (
        "an object",
        r#"<object data="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='90' height='30'%3E%3Crect width='90' height='30' fill='%23f0f'/%3E%3C/svg%3E" style='position: absolute; top: 40px; left: 0'></object>"#,
    ),
    (
        "an input that is an image",
        r#"<input type=image src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='90' height='30'%3E%3Crect width='90' height='30' fill='%23f0f'/%3E%3C/svg%3E" style='position: absolute; top: 40px; left: 0'>"#,
    ),
    (
        "a note that lets clicks through",
        r#"<div class=s style='position: fixed; top: 40px; left: 0; pointer-events: none'>Jane Doe</div>"#,
    ),
    (
        "a modal dialog and its backdrop",
        r#"<style>dialog::backdrop { background: linear-gradient(#f0f, #f0f) }</style><dialog id=d class=s>Jane Doe</dialog><script>d.showModal()</script>"#,
    ),
    (
        "a popover",
        r#"<div id=d popover class=s style='font-size: 40px'>Jane Doe</div><script>d.showPopover()</script>"#,
    ),
    (
        "the mark of a summary",
        r#"<style>summary::marker { color: #f0f; content: 'Jane Doe' }</style><details><summary>More</summary></details>"#,
    ),
    (
        "a text that is animated",
        r#"<style>@keyframes x { from, to { visibility: visible; color: #f0f } } #a { animation: x 1s infinite }</style><p id=a>Jane Doe</p>"#,
    ),
    ("a text that fades slowly", r#"<p class=s style='transition: all 60s'>Jane Doe</p>"#),
    ("a button that chooses a file", r#"<style>::file-selector-button { background: #f0f }</style><input type=file>"#),
    ("a progress bar", r#"<progress style='accent-color: #f0f' value=1></progress>"#),
    (
        "a foreign object in a drawing",
        r#"<svg width=300 height=60><foreignObject width=300 height=60><p class=s>Jane Doe</p></foreignObject></svg>"#,
    ),
    ("a formula", r#"<math class=s><mi>Jane</mi></math>"#),
    (
        "a slot",
        r#"<div id=h><b class=s>Jane Doe</b></div><script>h.attachShadow({mode: 'open'}).innerHTML = '<slot></slot>'</script>"#,
    ),
    ("a style sheet that is shown", r#"<style style='display: block; color: #f0f'>p { content: 'Jane Doe' }</style>"#),
    ("a title that is shown", r#"<style>head, title { display: block; color: #f0f }</style>"#),
    ("a ruler", r#"<hr style='border: 9px solid #f0f'>"#),
    ("a box that is ticked", r#"<input type=checkbox checked style='accent-color: #f0f; width: 40px; height: 40px'>"#),
    (
        "a text to be edited over a control",
        r#"<div contenteditable class=s style='position: absolute; top: 40px; left: 0; font-size: 40px'>Jane Doe</div>"#,
    ),
    ("a marquee", r#"<marquee class=s behavior=alternate>Jane Doe of Sales</marquee>"#),
    (
        "a hidden value in a control",
        r#"<style>#service { color: #f0f }</style><script>service.value = 'for Jane Doe 4711'</script>"#,
    ),
    (
        "a hidden value in a stated value",
        r#"<style>#owner { color: #f0f }</style><script>owner.textContent = 'Jane Doe 4711'</script>"#,
    ),
    (
        "a hidden value among the options",
        r#"<style>option { color: #f0f }</style><script>environment.multiple = true; environment.options[0].text = 'Jane Doe 4711'</script>"#,
    ),
    (
        "a hidden value in a heading",
        r#"<style>h2 { color: #f0f }</style><script>document.querySelector('h2').textContent = 'Jane  Doe\n4711'</script>"#,
    ),
    (
        "a control in a heading",
        r#"<style>h2 input { color: #f0f }</style><script>document.querySelector('h2').innerHTML = '<input value="Jane Doe">'</script>"#,
    ),
    (
        "a hidden value broken by an element",
        r#"<style>#owner { color: #f0f }</style><script>owner.innerHTML = 'Jane Doe<br>4711'</script>"#,
    ),
    (
        "a control in a stated value",
        r#"<style>#owner input { color: #f0f }</style><script>owner.innerHTML = 'by <input>'; owner.firstElementChild.value = 'Jane Doe 4711'</script>"#,
    ),
    (
        "a hidden value as the label of an option",
        r#"<style>#environment, option { color: #f0f }</style><script>environment.options[0].label = 'Jane Doe 4711'</script>"#,
    ),
    (
        "an image in place of a value",
        r#"<style>#owner { content: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='90' height='30'%3E%3Crect width='90' height='30' fill='%23f0f'/%3E%3C/svg%3E") }</style>"#,
    ),
    (
        "a hidden value after a very long text",
        r#"<style>h2 { color: #f0f } h2 span { font-size: 0 }</style><script>document.querySelector('h2').innerHTML = '<span>' + 'x '.repeat(60000) + '</span>Jane Doe 4711'</script>"#,
    ),
    (
        "a shadow root of a heading",
        r#"<script>document.querySelector('h2').attachShadow({mode: 'open'}).innerHTML = '<style>:host { color: #f0f !important; -webkit-text-fill-color: #f0f !important }</style>Jane Doe'</script>"#,
    ),
    (
        "a component in a stated value",
        r#"<script>owner.innerHTML = 'maria.chen <x-badge></x-badge>'; customElements.define('x-badge', class extends HTMLElement { constructor() { super().attachShadow({mode: 'open'}).innerHTML = '<style>:host { color: #f0f }</style>Jane Doe' } })</script>"#,
    ),
];

/// With malice. A picture that cannot be proven to be clean is no picture.
const MALICE: [(&str, &str); 13] = [
    ("a text that insists", r#"<p style='color: #f0f !important; visibility: visible !important'>Jane Doe</p>"#),
    (
        "a text that insists, over a control",
        r#"<p style='position: absolute; top: 30px; left: 0; font-size: 40px; color: #f0f; visibility: visible !important'>Jane Doe</p>"#,
    ),
    (
        "a rule of many ids",
        r#"<style>#service ~ #a#a#a#a#a#a { visibility: visible !important; color: #f0f !important }</style><p id=a>Jane Doe</p>"#,
    ),
    (
        "a tooltip of many ids",
        r#"<style>#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l#l::after { content: 'Jane Doe'; visibility: visible !important; color: #f0f !important }</style>"#,
    ),
    (
        "a rule in a layer",
        r#"<style>@layer p { #owner::after { content: 'Jane Doe'; visibility: inherit !important; color: #f0f !important } }</style>"#,
    ),
    (
        "a closed shadow root that insists",
        r#"<div id=t></div><script>t.attachShadow({mode: 'closed'}).innerHTML = '<p style="color: #f0f; visibility: visible !important">Jane Doe</p>'</script>"#,
    ),
    (
        "a closed shadow root that insists, over a control",
        r#"<div id=t style='position: absolute; top: 30px; left: 0; font-size: 40px'></div><script>t.attachShadow({mode: 'closed'}).innerHTML = '<b style="color: #f0f; visibility: visible !important">Jane Doe</b>'</script>"#,
    ),
    (
        "a closed shadow root of a heading",
        r#"<script>document.querySelector('h2').attachShadow({mode: 'closed'}).innerHTML = '<b style="color: #f0f; -webkit-text-fill-color: #f0f">Jane Doe</b>'</script>"#,
    ),
    (
        "a closed shadow root in a heading, in the markup",
        r#"<script>document.querySelector('h2').setHTMLUnsafe('Exception <span><template shadowrootmode=closed><b style="color: #f0f; -webkit-text-fill-color: #f0f">Jane Doe</b></template></span>')</script>"#,
    ),
    (
        "a closed component in a stated value",
        r#"<script>owner.innerHTML = 'maria.chen <x-badge></x-badge>'; customElements.define('x-badge', class extends HTMLElement { constructor() { super().attachShadow({mode: 'closed'}).innerHTML = '<style>:host { color: #f0f }</style>Jane Doe' } })</script>"#,
    ),
    (
        "lies about rectangles and hits",
        r#"<p class=s>Jane Doe</p><script>Element.prototype.getBoundingClientRect = () => ({left: 0, top: 0, right: 5000, bottom: 5000, width: 5000, height: 5000}); Document.prototype.elementFromPoint = () => service; Element.prototype.getClientRects = () => [1]</script>"#,
    ),
    (
        "lies about styles and sheets",
        r#"<p class=s>Jane Doe</p><script>window.getComputedStyle = () => ({visibility: 'hidden', position: 'static'}); window.CSSStyleSheet = function () { return {replaceSync() {}} }; Object.defineProperty(Document.prototype, 'adoptedStyleSheets', {get: () => [], set: () => 0}); CSSStyleSheet.prototype = {}</script>"#,
    ),
    (
        "lies about everything that lists and packs",
        r#"<p class=s>Jane Doe</p><script>Document.prototype.querySelectorAll = Element.prototype.querySelectorAll = () => [service, document.body]; JSON.stringify = () => '{}'; Array.prototype.map = Array.prototype.filter = function () { return this }; Object.entries = () => []; Object.defineProperty(HTMLInputElement.prototype, 'labels', {get: () => [document.body]})</script>"#,
    ),
];

/// A page as long as its number says, in pixels, at whose end a control is.
const LONG: &str = "<style>#incident { position: absolute; top: LENGTHpx }</style>";

async fn page(Path(number): Path<usize>) -> Html<String> {
    Html(match PLAIN.into_iter().chain(MALICE).nth(number) {
        Some((_, markup)) => format!("{PAGE}{markup}"),
        None => format!("{PAGE}{}", LONG.replace("LENGTH", &number.to_string())),
    })
}

struct Bench {
    base: url::Url,
    wire: Arc<Wire>,
    portal: WebPortal,
    _running: (Gateway, Driver, tempfile::TempDir),
}

async fn bench(browser: BrowserKind) -> Bench {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: url::Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let router = Router::new().route("/{number}", get(page));
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    let map = include_str!("../../selectors/reference.toml");
    let map = Arc::new(read_map("reference.toml".as_ref(), map).unwrap_or_else(|error| panic!("{error}")));
    let policy = GatewayPolicy::new(&map, &base).unwrap();
    let gateway =
        Gateway::start(policy, Arc::new(PortalLink::new(None).unwrap()), Doorway::of_this_account().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (driver, wire) = session(browser, &gateway, folder.path(), |capabilities| capabilities).await;
    let wire = Arc::new(wire);
    let fields = ["service", "environment", "incident", "owner"].map(|id| FieldId::parse(id).unwrap());
    let permissions = Permissions { fields: fields.into(), wording: true, messages: false };
    let config = WebPortalConfig {
        map,
        base: base.clone(),
        control: gateway.control().clone(),
        gate: Arc::new(MaskGate::new(permissions, [0; 32], vec![Private::new(SECRET.to_owned())])),
        browser,
        credentials: Credentials { user: "robot".into(), password: "unused".to_owned().into() },
        service: "checkout-api".into(),
        change: "CHG1".into(),
    };
    let portal = WebPortal::new(Arc::clone(&wire), config);
    Bench { base, wire, portal, _running: (gateway, driver, folder) }
}

fn magenta(png: &[u8]) -> usize {
    let magenta = |pixel: &&image::Rgb<u8>| pixel.0[0] > 180 && pixel.0[1] < 110 && pixel.0[2] > 180;
    image::load_from_memory(png).unwrap().into_rgb8().pixels().filter(magenta).count()
}

impl Bench {
    /// The browser's own picture of a page, and what the agent makes of it.
    async fn pictures(&mut self, number: usize) -> (Vec<u8>, Result<MaskedPicture, PortalError>) {
        self.wire.goto(&self.base.join(&number.to_string()).unwrap()).await.unwrap();
        let opened = async {
            let question =
                "return document.title === 'ready' && document.readyState === 'complete' && location.pathname";
            let path = Value::from(format!("/{number}"));
            while self.wire.script(question, Value::Null).await.ok().as_ref() != Some(&path) {}
        };
        tokio::time::timeout(Duration::from_secs(20), opened).await.unwrap();
        let own = self.wire.screenshot().await.unwrap();
        let tab = PlannedTab {
            id: TabId::parse("service").unwrap(),
            fields: Vec::new(),
            files: Vec::new(),
            after_save: false,
            saved_alone: false,
        };
        (own, self.portal.picture(Scene::Tab(&tab), "a page").await)
    }
}

browser_tests! {
    both async fn a_picture_has_the_whole_page_as_far_as_it_is_mapped_and_its_largest_size(browser: BrowserKind) {
        let mut bench = bench(browser).await;
        for (length, least, most) in [(600, 600, 700), (4_000, 4_000, 4_100), (30_000, 8_000, 8_100)] {
            let (_, picture) = bench.pictures(length).await;
            let picture = image::load_from_memory(picture.unwrap().png()).unwrap();
            assert!((least..most).contains(&picture.height()), "{length}: {} pixels", picture.height());
        }
        bench.wire.close().await;
    }

    both async fn a_hidden_value_is_in_no_pixel_however_it_is_shown(browser: BrowserKind) {
        let mut bench = bench(browser).await;
        let (mut shown, mut none, mut spent) = (Vec::new(), Vec::new(), Duration::ZERO);
        let mut never = Vec::new();
        for (number, (way, _)) in PLAIN.into_iter().chain(MALICE).enumerate() {
            let begun = Instant::now();
            let (own, masked) = bench.pictures(number).await;
            spent += begun.elapsed();
            if magenta(&own) < 20 {
                never.push(way);
            }
            match masked {
                Ok(picture) if magenta(picture.png()) > 0 => shown.push((way, magenta(picture.png()))),
                Ok(_) => {}
                Err(error) if number < PLAIN.len() => none.push((way, error.to_string())),
                Err(PortalError::Unmaskable(_)) => {}
                Err(error) => panic!("{way}: {error}"),
            }
        }
        println!("{} ways, {browser}: {:?} for each page and its pictures", PLAIN.len() + MALICE.len(), spent / (PLAIN.len() + MALICE.len()) as u32);
        assert_eq!(shown, [], "shown all the same");
        assert_eq!(none, [], "no picture, for no good reason");
        assert_eq!(never, [""; 0], "not to be seen on the page itself, so that nothing is proven");
        bench.wire.close().await;
    }
}
