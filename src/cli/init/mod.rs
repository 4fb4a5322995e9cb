//! `selectors init`: looks at a live form, tab by tab, and drafts a map of it.

mod draft;

use std::io::Write as _;
use std::path::Path;

use secrecy::SecretString;
use serde::Serialize;
use url::Url;

use super::args::{Output, SelectorsInit};
use super::exit::Exit;
use super::live::{Live, LiveOrder, credentials, unless_interrupted};
use super::settings;
use super::terminal::{as_started, invalid_input, print_json, warn_line};
use crate::diagnostic::Diagnostic;
use crate::mask::masked::Permissions;
use crate::portal::webdriver::Credentials;
use crate::portal::webdriver::outline::FormOutline;
use crate::portal::{Portal as _, PortalError};
use crate::selectors::read::{SelectorMap, read};

/// A map that knows no portal: whatever signs in may pass, and nothing is looked for.
const UNMAPPED: &str = include_str!("unmapped.toml");

#[derive(Serialize)]
struct InitDocument<'a> {
    schema: &'static str,
    map: &'a Path,
    tabs: usize,
    controls: usize,
    /// Places that are still to be filled in.
    open: usize,
}

/// Carries out `selectors init`.
pub async fn run(args: SelectorsInit, output: Output) -> Exit {
    let order = match ordered(&args) {
        Ok(order) => order,
        Err(error) => return invalid_input(output, &error),
    };
    let path = path_of(&args.form);
    if args.by_person {
        warn_line("Sign in in the browser's window, and go to the empty form; five minutes are left for that.");
    }
    let form = match unless_interrupted(look(&order, &path, &args)).await {
        Ok(form) => form,
        Err(exit) => return exit,
    };
    let text = draft::map(&args.form, &path, &form);
    let open = text.matches(crate::model::record::UNFILLED).count();
    if let Err(error) = std::fs::File::create_new(&args.out).and_then(|mut file| file.write_all(text.as_bytes())) {
        warn_line(&format!("error: {}: cannot be written: {error}", args.out.display()));
        return Exit::Environment;
    }
    let controls = form.tabs.iter().map(|tab| tab.controls.len()).sum();
    let (map, tabs) = (args.out.as_path(), form.tabs.len());
    match output {
        Output::Json => print_json(&InitDocument { schema: "portal-agent/init/1", map, tabs, controls, open }),
        Output::Text => super::terminal::print_line(&format!(
            "{}  {tabs} tabs, {controls} controls, {open} places to fill in\nnext: {} selectors check {}",
            map.display(),
            as_started(),
            map.display()
        )),
    }
}

fn ordered(args: &SelectorsInit) -> Result<LiveOrder, String> {
    if args.out.exists() {
        let help = "name another file with --out";
        return Err(Diagnostic::whole(&args.out, "is there already", help).to_string());
    }
    if !matches!(args.form.scheme(), "http" | "https") || args.form.host_str().is_none() {
        return Err(format!("error: {} is no address of a web page", args.form));
    }
    let settings = settings::read(&args.common).map_err(|error| error.to_string())?;
    let account = if args.by_person {
        Credentials { user: String::new(), password: SecretString::default() }
    } else {
        credentials(&settings)?
    };
    Ok(LiveOrder::of(settings, unmapped(&args.form)?, base_of(&args.form), account))
}

/// The address without its path.
fn base_of(form: &Url) -> Url {
    let mut base = form.clone();
    base.set_path("/");
    base.set_query(None);
    base.set_fragment(None);
    base
}

fn path_of(form: &Url) -> String {
    form[url::Position::BeforePath..].to_owned()
}

/// The map that knows nothing of this portal.
fn unmapped(form: &Url) -> Result<SelectorMap, String> {
    let text = UNMAPPED.replace("https://portal.invalid/", base_of(form).as_str());
    read("(no map)".as_ref(), &text).map_err(|error| error.to_string())
}

async fn look(order: &LiveOrder, path: &str, args: &SelectorsInit) -> Result<FormOutline, String> {
    let mut live = order.open(Permissions::default(), args.headed || args.by_person).await?;
    let looked = outline(&mut live, path, args.by_person).await.map_err(|error| error.to_string());
    live.close().await;
    looked
}

/// Signs in and looks at every tab.
async fn outline(live: &mut Live, path: &str, by_person: bool) -> Result<FormOutline, PortalError> {
    live.portal.prove_path().await?;
    let sign_in = if by_person {
        live.portal.await_person(path).await?;
        None
    } else {
        live.portal.open_unmapped(path).await?
    };
    Ok(FormOutline { sign_in, ..live.portal.outline().await? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portal_of_which_no_map_tells_can_be_opened_at_any_address() {
        for address in ["https://change.example.com/exceptions/new?kind=1#top", "http://127.0.0.1:8480/new"] {
            let form: Url = address.parse().unwrap();
            let map = unmapped(&form).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(map.file.base_url.get_ref(), &base_of(&form));
            assert!(address.ends_with(&path_of(&form)));
        }
    }
}
