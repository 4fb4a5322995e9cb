//! `demo serve`: the reference portal to practise on, with files that fit it, until somebody ends it.

use std::path::{Path, PathBuf};

use serde::Serialize;
use url::Url;

use super::{DemoError, map_at};
use crate::cli::args::Output;
use crate::cli::exit::Exit;
use crate::cli::terminal::{as_started, invalid_input, print_json, print_line, warn_line};
use crate::diagnostic::Diagnostic;
use crate::reference_portal::example::{Example, ExampleTimes, LARGE, world, write};
use crate::reference_portal::faults::{Fault, FaultPlan};
use crate::reference_portal::{ACCOUNT, PASSWORD, Portal, Scheme};
use crate::run::interrupt::Interrupt;

#[derive(Debug, clap::Subcommand)]
pub enum DemoCommand {
    /// Keep the reference portal running, and write settings, map and change record that fit it
    Serve(DemoServe),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent demo serve\n  portal-agent demo serve --fault label-renamed --folder renamed"
)]
pub struct DemoServe {
    /// Folder for the files; nothing may be in it
    #[arg(long, value_name = "DIR", default_value = "portal-agent-demo")]
    pub folder: PathBuf,
    /// What goes wrong in the portal; may be given several times
    #[arg(long = "fault", value_name = "NAME", value_enum)]
    pub faults: Vec<Fault>,
}

/// What runs where, and the files that fit it.
#[derive(Debug, Serialize)]
struct ServedDocument {
    schema: &'static str,
    portal: Url,
    account: &'static str,
    password: &'static str,
    settings: PathBuf,
    map: PathBuf,
    record: PathBuf,
}

/// Carries out `demo serve`.
pub async fn run(args: DemoServe, output: Output) -> Exit {
    if let Err(error) = unused(&args.folder) {
        return invalid_input(output, &error);
    }
    let Ok(interrupt) = Interrupt::by_signals() else { return Exit::Environment };
    let mut faults = FaultPlan::none();
    args.faults.iter().for_each(|fault| faults.add(*fault));
    let (portal, served) = match serve(&args.folder, faults).await {
        Ok(serving) => serving,
        Err(error) => {
            warn_line(&format!("error: the portal did not start: {error}"));
            return Exit::Environment;
        }
    };
    let told = match output {
        Output::Json => print_json(&served),
        Output::Text => print_line(&told(&served)),
    };
    if told == Exit::Yes {
        interrupt.pressed().await;
    }
    drop(portal);
    told
}

/// Whether the files can be put into this folder without losing any.
fn unused(folder: &Path) -> Result<(), Diagnostic> {
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(false) => Err(Diagnostic::whole(
            folder,
            "holds files, perhaps of an earlier portal, whose addresses and times fit no other",
            "remove the folder, or name another with --folder",
        )),
        Err(error) => Err(Diagnostic::whole(folder, format!("cannot be used: {error}"), "name another with --folder")),
    }
}

async fn serve(folder: &Path, faults: FaultPlan) -> Result<(Portal, ServedDocument), DemoError> {
    let times = ExampleTimes::around(jiff::Timestamp::now());
    let portal = Portal::start(Scheme::Http, faults, world(&times)).await?;
    let example = write(folder, &portal.url(), &times, LARGE)?;
    let map = folder.join("reference.toml");
    std::fs::write(&map, map_at(&portal.url()))?;
    let settings = folder.join("portal-agent.toml");
    std::fs::write(&settings, settings_for(&map, &example)?)?;
    let served = ServedDocument {
        schema: "portal-agent/demo/1",
        portal: portal.url(),
        account: ACCOUNT,
        password: PASSWORD,
        settings,
        map,
        record: example.record,
    };
    Ok((portal, served))
}

/// Settings that fit, wherever a command is started.
fn settings_for(map: &Path, example: &Example) -> std::io::Result<String> {
    let Example { record: _, calendar, freeze_state, freeze_policy } = example;
    let text = |text: &str| toml::Value::from(text).to_string();
    let path = |path: &Path| Ok::<_, std::io::Error>(text(&std::path::absolute(path)?.display().to_string()));
    Ok(format!(
        "# For the reference portal, as long as `portal-agent demo serve` keeps it running.\n\
         operator = \"you\"\nuser = {}\npassword_command = [\"echo\", {}]\nmap = {}\ncalendar = {}\nfreeze_state = {}\n\
         freeze_policy = {}\n",
        text(ACCOUNT),
        text(PASSWORD),
        path(map)?,
        path(calendar)?,
        path(freeze_state)?,
        path(freeze_policy)?,
    ))
}

fn told(served: &ServedDocument) -> String {
    let ServedDocument { schema: _, portal, account, password, settings, map, record } = served;
    let folder = settings.parent().unwrap_or(settings).display();
    let (settings, map, record) = (settings.display(), map.display(), record.display());
    let program = as_started();
    let lines = [
        "The reference portal runs until Ctrl-C.".to_owned(),
        format!("  address   {portal}"),
        format!("  account   {account}"),
        format!("  password  {password}"),
        format!("  files     {folder}: settings, selector map, change record with attachments, freeze calendar"),
        String::new(),
        "Try in another terminal:".to_owned(),
        format!("  {program} doctor --settings {settings}"),
        format!("  {program} selectors check {map} --settings {settings}"),
        format!("  {program} check {record} --settings {settings}"),
        format!("  {program} submit {record} --settings {settings}"),
    ];
    lines.join("\n")
}
