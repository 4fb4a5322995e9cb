//! The command line: arguments, settings, what is printed, exit codes.

pub mod approve;
pub mod args;
mod candidates;
mod check;
mod decisions;
pub mod demo;
mod doctor;
mod evidence;
pub mod exit;
pub mod freeze;
mod init;
mod live;
pub mod man;
mod map_text;
mod past_runs;
mod picture;
mod policy_file;
mod progress;
mod record;
mod replay;
mod report;
mod resume;
mod run;
mod schema;
pub mod secret;
mod serve;
pub mod settings;
mod source_config;
pub mod submit;
mod survey;
mod takeover;
mod terminal;
mod tried;
mod verify;
mod write;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Args, Command, Common, SelectorsCommand};
use exit::Exit;
use freeze::FreezeCommand;
use settings::SettingsError;

use crate::freeze_mode::gate::GatePolicy;
use crate::model::freeze_policy::PagesPolicy;
use crate::run::clock::{Clock as _, SystemClock};

/// Parses arguments, does what they ask for, and says how it went. `version` is what `--version` prints.
pub fn main(arguments: impl IntoIterator<Item = OsString>, version: &'static str) -> ExitCode {
    let parsed = Args::command().version(version).try_get_matches_from(arguments);
    let args = match parsed.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are answers; anything else is a usage error, which clap numbers 2 as well.
            let _ = error.print();
            return if error.use_stderr() { Exit::Input.into() } else { Exit::Yes.into() };
        }
    };
    // Whatever is written is the owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    terminal::start_log(args.verbose, args.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::warn_line(&format!("error: cannot start: {error}"));
            return Exit::Environment.into();
        }
    };
    let exit = runtime.block_on(dispatch(args));
    // Tasks that still wait for a browser that has been ended must not hold up the exit.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    exit.into()
}

async fn dispatch(args: Args) -> Exit {
    let output = args.output;
    match args.command {
        Command::Evidence(command) => evidence::run(command, output).await,
        Command::Serve(args) => serve::run(&args, output).await,
        Command::Report(args) => report::run(&args, output),
        Command::Verify(args) => verify::run(&args, output),
        Command::Submit(submit) => submit::run(submit, output).await,
        Command::Resume(args) => resume::resume(args, output).await,
        Command::Resolve(args) => resume::resolve(args, output).await,
        Command::Takeover(args) => takeover::run(args, output).await,
        Command::Check(check) => check::run(check, output).await,
        Command::Record(args) => record::record(args, output).await,
        Command::Import(args) => record::import(args, output).await,
        Command::Replay(args) if args.decisions => decisions::run(&args, output),
        Command::Replay(args) => replay::run(args, output).await,
        Command::Approve(args) => approve::run(args, output, SystemClock::default().now()),
        Command::Freeze(command) => match gate_policy(&command) {
            Ok(policy) => freeze::run(command, policy, output),
            Err(error) => terminal::invalid_input(output, &error),
        },
        Command::Selectors(SelectorsCommand::Init(args)) => init::run(args, output).await,
        Command::Selectors(SelectorsCommand::Check(survey)) => survey::run(survey, output).await,
        Command::Selectors(SelectorsCommand::Try(args)) => tried::run(args, output).await,
        Command::Demo(demo::serve::DemoCommand::Serve(args)) => demo::serve::run(args, output).await,
        Command::Doctor(doctor) => doctor::run(doctor, output).await,
        Command::Schema(args) => schema::run(&args, output),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "portal-agent", &mut std::io::stdout());
            Exit::Yes
        }
        Command::Man { folder } => man::run(&folder, output),
    }
}

/// What the freeze policy says of the gate. Settings that cannot be read block whatever they could open, and nothing else.
fn gate_policy(command: &FreezeCommand) -> Result<GatePolicy, SettingsError> {
    let policy = settings::read(&Common::default()).and_then(|settings| settings.policy());
    match policy {
        Ok(policy) => Ok(GatePolicy {
            pages_blocked: match policy.freeze.pages {
                PagesPolicy::Blocked => true,
                PagesPolicy::Allowed => false,
            },
        }),
        Err(error) if command.asks_for_policy() => Err(error),
        Err(error) => {
            tracing::warn!("the settings cannot be read, and are not needed for this: {error}");
            Ok(GatePolicy::default())
        }
    }
}
