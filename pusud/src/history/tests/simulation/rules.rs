//! Each rule left out once: the judge finds what comes of it.

use super::class::{Class, Without};
use super::world::World;
use crate::history::safeguard::Safeguard;

#[test]
fn search() {
    let Ok(count) = std::env::var("PUSU_HISTORY_SEARCH") else { return };
    let first: u64 = std::env::var("PUSU_HISTORY_FIRST").map_or(0, |first| first.parse().unwrap());
    let only = std::env::var("PUSU_HISTORY_ONLY").unwrap_or_default();
    let count: u64 = count.parse().unwrap();
    let all = [
        Without::Nothing,
        Without::PushUnderLock,
        Without::OwnShardInOrder,
        Without::JoinBehindWhatWaits,
        Without::RunningPosition,
        Without::OldPositionFirst,
        Without::MergedWithSkip,
        Without::Safeguard(Safeguard::AheadIsNotTheFuture),
        Without::Safeguard(Safeguard::SkipOfUnknownStarts),
        Without::Safeguard(Safeguard::UnknownStartsObject),
        Without::Safeguard(Safeguard::AbsentIsNothing),
        Without::Safeguard(Safeguard::AbsentAfterItsEndIsSeen),
        Without::Safeguard(Safeguard::GapRaisesFloor),
        Without::Safeguard(Safeguard::OwnFloor),
        Without::Safeguard(Safeguard::AskAndNews),
        Without::Safeguard(Safeguard::NumbersOfAll),
        Without::Safeguard(Safeguard::AdoptWhileJoiningOnly),
        Without::Safeguard(Safeguard::RingsBeforeReady),
        Without::Safeguard(Safeguard::OldOriginsAreNotLive),
        Without::Safeguard(Safeguard::LastNumbers),
        Without::Safeguard(Safeguard::OverflowIsTold),
    ];
    let classes = [Class::None, Class::Drain, Class::Links, Class::Kill, Class::All, Class::BigAll, Class::Lossy];
    let classes_only = std::env::var("PUSU_HISTORY_CLASS").unwrap_or_default();
    for without in all {
        let name = format!("{without:?}");
        if !name.starts_with(&only) && !name.starts_with(&format!("Safeguard({only}")) {
            continue;
        }
        for class in classes.into_iter().filter(|class| format!("{class:?}").contains(&classes_only)) {
            let failing: Vec<_> = (first..first + count)
                .filter(|seed| match World::new(class, without, *seed).run() {
                    Ok(_) => false,
                    Err(e) => {
                        if without == Without::Nothing {
                            println!("FAILED {class:?} {seed} {e}");
                        }
                        true
                    }
                })
                .collect();
            println!("FOUND {name} {class:?}: {} of {count}: {:?}", failing.len(), &failing[..failing.len().min(6)]);
        }
    }
}
