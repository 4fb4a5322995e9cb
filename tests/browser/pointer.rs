//! Clicks: one, of the element that is meant, wherever it is; none where something else would get it.

use portal_agent::model::browser::BrowserKind;
use portal_agent::portal::webdriver::wire::{ElementRef, Wire, WireError};
use serde_json::Value;

use crate::browser_tests;
use crate::interlock::bench;
use crate::support::lab::Lab;

/// Its title tells which element got which event, and how many clicks the browser counted.
const PAGE: &str = "data:text/html,<!doctype html><title>-</title><style>button { display: block }</style>
<button id=near>near</button>
<div style='height: 60px; overflow: auto'><p style='height: 900px'>long</p><button id=inner>inner</button></div>
<div style='position: relative'><button id=covered>covered</button><p id=lid style='position: absolute; inset: 0; margin: 0'>lid</p></div>
<button id=hidden style='display: none'>hidden</button>
<button id=gone>gone</button>
<p style='height: 9000px'>long</p><button id=far>far</button>
<script>for (const kind of ['click', 'dblclick']) addEventListener(kind, (event) => document.title += ` ${kind} ${event.target.id} ${event.detail}`)</script>";

async fn element(wire: &Wire, id: &str) -> ElementRef {
    let found = wire.script("return document.getElementById(arguments[0])", Value::from(id)).await.unwrap();
    ElementRef::from_json(&found).unwrap()
}

async fn title(wire: &Wire) -> Value {
    wire.script("return document.title", Value::Null).await.unwrap()
}

async fn open(wire: &Wire) {
    wire.goto(&PAGE.parse().unwrap()).await.unwrap();
    let question = "return document.readyState === 'complete' && document.title === '-'";
    let opened = async { while wire.script(question, Value::Null).await.ok() != Some(Value::Bool(true)) {} };
    tokio::time::timeout(std::time::Duration::from_secs(20), opened).await.unwrap();
}

browser_tests! {
    both async fn a_click_is_one_click_of_that_element_wherever_it_is(browser: BrowserKind) {
        let lab = Lab::start(false).await;
        let bench = bench(browser, &lab).await;
        open(&bench.wire).await;
        // Twice, soon after each other: two clicks, and no double click.
        for id in ["near", "near", "inner", "far"] {
            bench.wire.click(&element(&bench.wire, id).await).await.unwrap();
        }
        assert_eq!(title(&bench.wire).await, "- click near 1 click near 1 click inner 1 click far 1");
        bench.wire.close().await;
    }

    both async fn what_is_covered_or_hidden_or_gone_is_not_clicked_and_nothing_in_its_place(browser: BrowserKind) {
        let lab = Lab::start(false).await;
        let bench = bench(browser, &lab).await;
        open(&bench.wire).await;
        let [covered, hidden, gone] = [element(&bench.wire, "covered").await, element(&bench.wire, "hidden").await, element(&bench.wire, "gone").await];
        bench.wire.script("document.getElementById('gone').remove()", Value::Null).await.unwrap();
        assert!(matches!(bench.wire.click(&covered).await, Err(WireError::Covered)));
        assert!(matches!(bench.wire.click(&hidden).await, Err(WireError::Unplaced)));
        assert!(matches!(bench.wire.click(&gone).await, Err(WireError::Stale)));
        assert_eq!(title(&bench.wire).await, "-");
        bench.wire.close().await;
    }

    both async fn a_page_that_moves_under_the_pointer_is_clicked_where_it_is_and_nowhere_else(browser: BrowserKind) {
        let lab = Lab::start(false).await;
        let bench = bench(browser, &lab).await;
        // Once it moves before it is pressed, once before it is let go.
        for kind in ["pointermove", "pointerdown"] {
            open(&bench.wire).await;
            let shift = "addEventListener(arguments[0], () => document.body.style.paddingTop = '90px', { once: true, capture: true })";
            bench.wire.script(shift, Value::from(kind)).await.unwrap();
            bench.wire.click(&element(&bench.wire, "near").await).await.unwrap();
            assert_eq!(title(&bench.wire).await, "- click near 1", "{kind}");
        }
        bench.wire.close().await;
    }

    both async fn what_goes_away_when_it_is_pressed_is_pressed_once(browser: BrowserKind) {
        let lab = Lab::start(false).await;
        let bench = bench(browser, &lab).await;
        open(&bench.wire).await;
        let script = "addEventListener('pointerdown', (event) => { document.title += ` ${event.target.id}`; event.target.remove() })";
        bench.wire.script(script, Value::Null).await.unwrap();
        bench.wire.click(&element(&bench.wire, "near").await).await.unwrap();
        let told = title(&bench.wire).await.as_str().unwrap().to_owned();
        assert_eq!((told.matches("near").count(), told.contains("inner")), (1, false), "{told}");
        bench.wire.close().await;
    }
}
