//! `resume` and `resolve`: a run that continues an earlier one, on somebody's word.

use super::args::{Earlier, Output, Resolve, Resume, Window};
use super::exit::Exit;
use super::run::{OrderError, Wanted, carry_out, not_begun, order, settings};
use super::settings::Settings;
use crate::decide::rules::confirmation::Said;
use crate::evidence::copies::read;
use crate::evidence::outcome::Outcome;
use crate::run::order::{Begin, Continue, InputError, Order};
use crate::sources::configured::ConfiguredSources;

/// Carries out `resume`.
pub async fn resume(args: Resume, output: Output) -> Exit {
    let ordered = async {
        let settings = settings(&args.common)?;
        let begin = Begin::Resume(continues(&args.earlier));
        continued(&settings, &args.earlier, begin, args.draft_only, args.window).await
    };
    match ordered.await {
        Ok((order, sources)) => carry_out(&order, &sources, output, |document| document.outcome.into()).await,
        Err(error) => not_begun(output, error),
    }
}

/// Carries out `resolve`.
pub async fn resolve(args: Resolve, output: Output) -> Exit {
    let said = args.submitted.clone().map_or(Said::NotSubmitted, Said::Submitted);
    let window = Window { headed: args.headed, hand_over: false };
    let ordered = async {
        let settings = settings(&args.common)?;
        let begin = Begin::Resolve(continues(&args.earlier), said);
        continued(&settings, &args.earlier, begin, true, window).await
    };
    match ordered.await {
        Ok((order, sources)) => {
            carry_out(&order, &sources, output, |document| match (document.agreed, document.outcome) {
                (Some(true), _) => Exit::Yes,
                (None, Outcome::Environment) => Exit::Environment,
                (Some(false) | None, _) => Exit::No,
            })
            .await
        }
        Err(error) => not_begun(output, error),
    }
}

fn continues(earlier: &Earlier) -> Continue {
    Continue {
        run: earlier.run.clone(),
        by: earlier.by.clone(),
        reason: earlier.reason.clone(),
        from_host: earlier.from_host.clone(),
    }
}

/// An order that continues an earlier run: its journal says which record it was made from, and for which portal.
async fn continued(
    settings: &Settings,
    earlier: &Earlier,
    begin: Begin,
    draft_only: bool,
    window: Window,
) -> Result<(Order, ConfiguredSources), OrderError> {
    let shared = settings.shared_store()?;
    let past = read(&shared, &earlier.run, None).await.map_err(InputError::Journal)?;
    let opening = past.history.opening;
    let record = earlier.record.clone().unwrap_or_else(|| opening.record.clone().into());
    let wanted = Wanted { begin, record, draft_only, window, credentials: None };
    let (order, sources) = order(settings, shared, wanted)?;
    if order.portal() != opening.portal {
        return Err(OrderError::Input(InputError::NotContinuable {
            run: earlier.run.clone(),
            why: format!("worked at {}, and the settings say {}", opening.portal, order.portal()),
            help: format!("give --base-url {}/", opening.portal),
        }));
    }
    Ok((order, sources))
}
