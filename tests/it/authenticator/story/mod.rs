//! A day of a plugin's in a minute: it fails in every way that a plugin can, one after the other, on a relay that is in
//! use, and is replaced by a good one each time. Who is connected does not notice, who comes is served, the log says what
//! it was, and afterwards the relay is as it was before. `PUSU_STORY_MINUTES` tells the story again and again
//! (`make soak-plugins MINUTES=30`).

mod chapters;
mod crowd;
mod remains;
mod stage;

use chapters::{CHAPTERS, Told};
use remains::{Remains, memory};
use stage::{Scene, Stage};
use std::env;
use std::time::{Duration, Instant};

/// Lines that a chapter may take in the log, beside those of the plugin's own.
const LINES_MAX: usize = 100;
/// What the libraries take that the relay has loaded, and its allocator keeps, after the first round.
const FIRST_ROUND_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// What it may take more of after the last round than after the first one.
const MORE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Reloads in a row, and what each of them may cost for good. The allocator keeps a megabyte more or less now and then, so
/// that there are several rows; what stays of each reload stays in all of them.
const RELOAD_ROWS_MAX: usize = 5;
const RELOADS: u64 = 60;
const RELOAD_BYTES_MAX: u64 = 8 * 1024;

crate::in_both_isolations!(a_relay_outlives_all_that_its_plugin_does_wrong);

fn a_relay_outlives_all_that_its_plugin_does_wrong(isolation: &'static str) {
    let minutes: f64 = env::var("PUSU_STORY_MINUTES").map_or(0.0, |minutes| minutes.parse().expect("minutes"));
    let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let stage = Stage::new(isolation);
    let mut daemon = stage.start();
    let (alone, before) = (Remains::at_rest(&daemon), memory(&daemon));
    assert!(before > 0, "the kernel does not say what it takes");
    let (after, figures) = crowd::beside(&daemon, &stage, || {
        let rest = Remains::at_rest(&daemon);
        let scene = Scene { daemon: &daemon, stage: &stage, rest: &rest };
        let mut after = Vec::new();
        while after.is_empty() || Instant::now() < end {
            CHAPTERS.iter().for_each(|(name, chapter)| tell(&scene, name, *chapter));
            after.push(memory(&daemon));
        }
        reloads_cost_nothing(&scene);
        scene.expect_rest();
        after
    });
    println!("{isolation}: {} rounds, {figures}; {before} bytes before, then {after:?}", after.len());
    assert_eq!(figures.reloads(), stage.reloads());
    assert!(after[0] <= before + FIRST_ROUND_BYTES_MAX, "{before} bytes, after a round {}", after[0]);
    assert!(after[after.len() - 1] <= after[0] + MORE_BYTES_MAX, "{after:?} bytes after the rounds");
    assert_eq!(Remains::at_rest(&daemon), alone);
    daemon.assert_alive();
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
}

/// Tells one chapter, and checks what the log has to say of it.
fn tell(scene: &Scene<'_>, name: &str, chapter: fn(&Scene<'_>) -> Told) {
    let (from, began) = (scene.daemon.log().lines().len(), Instant::now());
    let told = chapter(scene);
    let lines = scene.daemon.log().lines().split_off(from);
    let (took, memory) = (began.elapsed(), memory(scene.daemon));
    println!("{}, {name}: {took:?}, {} lines, {memory} bytes", scene.stage.isolation, lines.len());
    for (words, count) in &told {
        let found = lines.iter().filter(|line| line.contains(words)).count();
        assert_eq!(found, *count, "{name}: lines that say {words:?}:\n{}", lines.join("\n"));
    }
    assert!(told.is_empty() || lines.len() <= LINES_MAX, "{name}: {} lines", lines.len());
    // The command as well, which is what an operator uses.
    let began = Instant::now();
    assert_eq!(scene.daemon.status()["authenticator"]["ready"], true, "{name}");
    assert!(began.elapsed() < Duration::from_secs(5), "{name}: the status took {:?}", began.elapsed());
}

/// New instances one after the other, of which nothing stays.
fn reloads_cost_nothing(scene: &Scene<'_>) {
    let reload = |times| (0..times).for_each(|_| drop(scene.reload_new().succeeds()));
    reload(RELOADS / 3);
    let row = || {
        scene.expect_rest();
        let before = memory(scene.daemon);
        reload(RELOADS);
        scene.expect_rest();
        let grown = memory(scene.daemon).saturating_sub(before);
        println!("{}: {RELOADS} reloads took {grown} bytes", scene.stage.isolation);
        grown <= RELOADS * RELOAD_BYTES_MAX
    };
    assert!((0..RELOAD_ROWS_MAX).any(|_| row()), "each reload takes more than {RELOAD_BYTES_MAX} bytes for good");
}
