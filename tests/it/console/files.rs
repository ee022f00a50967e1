//! The console's files as they are written: short, each with a head that names its noun, and none that puts a text into the page
//! as markup, or asks for anything from elsewhere.

use crate::harness::root;
use std::fs;
use std::path::Path;

const LINES_MAX: usize = 300;
/// How text becomes markup or a script.
const FORBIDDEN: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "createContextualFragment",
    "eval(",
    "new Function",
    "setAttribute('style'",
    "javascript:",
    "srcdoc",
];
/// Addresses that name something and are never asked for.
const NAMES: &[&str] = &["http://www.w3.org/2000/svg"];

fn files(folder: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let read =
        |path: &Path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap());
    entries.map(|path| read(&path)).collect()
}

#[test]
fn they_are_short_and_put_no_markup_into_the_page() {
    let files = files("pusud/console");
    assert!(files.len() > 30, "{}", files.len());
    for (name, text) in &files {
        assert!(text.lines().count() <= LINES_MAX, "{name} has more than {LINES_MAX} lines");
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{name}: {word}");
        }
        let known = NAMES.iter().fold(text.clone(), |text, known| text.replace(known, ""));
        let addresses = known.matches("http://").count() + known.matches("https://").count();
        assert_eq!(addresses, 0, "{name} names an address elsewhere");
        let head = match name.rsplit('.').next() {
            Some("js") => "// ",
            Some("css") => "/* ",
            _ => "<!doctype html>",
        };
        assert!(text.starts_with(head), "{name} does not begin with {head:?}");
    }
    let page = &files.iter().find(|(name, _)| name == "index.html").unwrap().1;
    assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick"), "{page}");
    assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=\"").count(), "{page}");
}

#[test]
fn what_drives_the_browser_is_short() {
    for (name, text) in files("tests/console") {
        assert!(text.lines().count() <= LINES_MAX || name.ends_with(".json"), "{name}");
    }
}
