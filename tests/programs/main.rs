//! Programs as processes: what their heads show, and what is done with all of them.
//!
//! One test file, since most of it waits, and can do so at the same time.

#[path = "../common/mod.rs"]
mod common;
mod copies;
#[cfg(unix)]
mod crawler;
mod heads;
mod ipify;
mod just;
#[path = "../tools/src/runner/mod.rs"]
#[allow(dead_code, reason = "the commands of tests/tools use more of it")]
mod runner;
mod scale;
mod sides;
mod takes;
mod tools;

use runner::head::{Heads, Program};
use std::path::Path;

/// The programs of this system that can be built with the features that this test has been built with.
fn programs() -> Vec<Program> {
    let heads = Heads::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let heads = heads.unwrap_or_else(|error| panic!("{error}"));
    let features = common::features();
    let has = |feature: &str| features.split(',').any(|one| one == feature);
    let chapters = heads.chapters.into_iter();
    let programs = chapters.flat_map(|chapter| chapter.programs);
    let is_one = |program: &Program| program.features().into_iter().all(has) && program.is_played;
    programs.filter(is_one).collect()
}
