//! `submit`: a run that begins afresh.

use super::args::{Output, Submit};
use super::demo::Demo;
use super::exit::Exit;
use super::run::{OrderError, Wanted, carry_out, not_begun, order};
use super::settings;
use crate::run::order::{Begin, Order};
use crate::sources::configured::ConfiguredSources;

/// Carries out `submit`.
pub async fn run(mut args: Submit, output: Output) -> Exit {
    let demo = match Demo::start_if(args.demo, &mut args.common).await {
        Ok(demo) => demo,
        Err(exit) => return exit,
    };
    match ordered(&args, demo.as_ref()) {
        Ok((order, sources)) => carry_out(&order, &sources, output, |document| document.outcome.into()).await,
        Err(error) => not_begun(output, error),
    }
}

fn ordered(args: &Submit, demo: Option<&Demo>) -> Result<(Order, ConfiguredSources), OrderError> {
    let settings = settings::read_with(&args.common, demo.map(Demo::settings).unwrap_or_default())?;
    // One of the two is always there: the arguments demand it.
    let record = demo.map(|demo| demo.example.record.clone()).or_else(|| args.record.clone()).unwrap_or_default();
    let wanted = Wanted {
        begin: Begin::Afresh,
        record,
        draft_only: args.draft_only,
        window: args.window,
        credentials: demo.map(Demo::credentials),
    };
    order(&settings, settings.shared_store()?, wanted)
}
