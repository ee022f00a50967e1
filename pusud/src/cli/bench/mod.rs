//! `pusud bench`: measures what a relay and its machine can do, and checks that every message arrives once and in
//! order.
//!
//! `options` reads the command line into `plan`s, `run` does one of them with a `load` of sources and listeners, beside
//! quiet pairs with threads of their own. `checking` finds what the relay did wrong, and `report` says what came out.

mod checking;
mod clock;
mod interrupts;
mod load;
mod open_files;
mod options;
mod plan;
mod report;
mod run;
mod stage;

use interrupts::Interrupts;
pub(super) use options::Args;
use plan::Plan;
use report::{Figures, Progress};
use std::sync::Arc;

pub(super) const EXAMPLES: &str = options::EXAMPLES;

/// Measures as the command line says, and prints what came out.
///
/// # Errors
/// What could not be done, and what the relay did wrong.
pub(super) async fn bench(args: Args) -> anyhow::Result<()> {
    let plans = args.plans()?;
    let (json, plot) = (args.json, args.plot);
    let target = Arc::new(args.connection.target()?);
    let sockets = |plan: &Plan| u64::from(plan.listeners) + u64::from(plan.sources) + 2 * u64::from(plan.beside);
    let sockets = plans.iter().map(sockets).max();
    open_files::make_room(sockets.unwrap_or(0))?;
    let interrupts = Interrupts::watch();

    let mut runs = Vec::new();
    for plan in &plans {
        let progress = Progress::new();
        let figures = run::run(plan, &target, &progress, &interrupts).await?;
        drop(progress);
        if json {
            super::print(&format!("{}\n", figures.json()))?;
        }
        let ends_here = interrupts.once() || !figures.faults.sentences().is_empty();
        runs.push(figures);
        if ends_here {
            break;
        }
    }
    let tls = runs.iter().find_map(|figures| figures.tls.as_deref());
    let name = tls.map_or_else(|| target.url.name.clone(), |tls| format!("{} ({tls})", target.url.name));
    let headline = report::headline(&plans[0], &name);
    if !json {
        super::print(&format!("{headline}\n\n{}", report::table(&runs)))?;
    }
    for note in runs.iter().flat_map(Figures::notes) {
        super::note(note);
    }
    if let Some(file) = plot {
        report::plot::write(&runs, &headline, &file)?;
    }
    let faults: Vec<String> = runs.iter().flat_map(|figures| figures.faults.sentences()).collect();
    anyhow::ensure!(faults.is_empty(), "the relay did not keep its promises: {}", faults.join("; "));
    if runs.len() < plans.len() {
        super::note(format_args!("interrupted after {} of {} runs", runs.len(), plans.len()));
    }
    Ok(())
}
