//! Links between pages: each leads to a file of the repository, and its anchor to a heading of that page.

use super::page::text;
use crate::harness::root;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The pages and folders of pages whose links are followed.
const PAGES: [&str; 8] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs",
    "plugins",
    "pusu-plugin-api/README.md",
    "pusu-plugin-api/abi/README.md",
];

/// All pages below a path.
fn pages(path: &str) -> Vec<String> {
    let full = root().join(path);
    if !full.is_dir() {
        return if path.ends_with(".md") { vec![path.to_owned()] } else { Vec::new() };
    }
    let entries = fs::read_dir(full).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name != "target").flat_map(|name| pages(&format!("{path}/{name}"))).collect()
}

/// A page without its code, in which nothing is a link.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let lines = page.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    let lines: Vec<&str> = lines.collect();
    // Of a pair of backticks the inside is dropped.
    lines.join("\n").split('`').step_by(2).collect()
}

/// Where the links of a page lead, as they are written.
fn targets(page: &str) -> Vec<String> {
    prose(page).split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// The anchors of a page's headings, as hosts make them.
fn anchors(page: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut is_code = false;
    let mut anchors = Vec::new();
    for line in page.lines() {
        is_code ^= line.trim_start().starts_with("```");
        let Some(heading) = line.strip_prefix('#').filter(|_| !is_code) else { continue };
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|&c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let before = seen.entry(anchor.clone()).or_default();
        anchors.push(if *before == 0 { anchor } else { format!("{anchor}-{before}") });
        *before += 1;
    }
    anchors
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut normal, component| {
        match component {
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
        normal
    })
}

/// Whether there is no such file, seen from the page, or no such heading in it.
fn leads_nowhere(page: &str, target: &str) -> bool {
    let folder = Path::new(page).parent().unwrap();
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let file = if path.is_empty() { PathBuf::from(page) } else { normal(&folder.join(path)) };
    let full = root().join(&file);
    let has_anchor =
        |anchor: &str| full.is_file() && anchors(&text(file.to_str().unwrap())).contains(&anchor.to_owned());
    !full.exists() || anchor.is_some_and(|anchor| !has_anchor(anchor))
}

/// The links of a page that lead nowhere.
fn broken(page: &str) -> Vec<String> {
    let relative = targets(&text(page)).into_iter().filter(|target| !target.contains("://"));
    relative.filter(|target| leads_nowhere(page, target)).map(|target| format!("{page}: {target}")).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages: Vec<String> = PAGES.iter().flat_map(|path| pages(path)).collect();
    assert!(pages.len() > 15, "{pages:?}");
    let broken: Vec<String> = pages.iter().flat_map(|page| broken(page)).collect();
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}

/// Where an alert sends whoever it wakes.
#[test]
fn every_runbook_of_an_alert_is_there() {
    const HOST: &str = "https://github.com/PuSuEngine/pusud/blob/main/";
    let rules = text("config/prometheus/alerts.yaml");
    let alerts = rules.lines().filter(|line| line.trim().starts_with("- alert: ")).count();
    let runbooks: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: ")).collect();
    assert!(alerts > 15 && runbooks.len() == alerts, "{alerts} alerts, and {runbooks:?}");
    for runbook in runbooks {
        let target = runbook.strip_prefix(HOST).unwrap_or_else(|| panic!("{runbook} is none of the pages"));
        assert!(target.contains('#') && !leads_nowhere("README.md", target), "{runbook} leads nowhere");
    }
}

#[test]
fn every_page_of_docs_is_in_the_index() {
    let index: Vec<PathBuf> =
        targets(&text("docs/README.md")).iter().map(|to| normal(&Path::new("docs").join(to))).collect();
    let missing: Vec<String> =
        pages("docs").into_iter().filter(|page| page != "docs/README.md" && !index.contains(&page.into())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn links_and_anchors_are_found() {
    let page = "# A `b` c: d\n[one](a.md#x) and `[no](b.md)`\n```\n# no\n[no](c.md)\n```\n## A b\n## A b\n[two\nlines](d.md)\n";
    assert_eq!(targets(page), ["a.md#x", "d.md"]);
    assert_eq!(anchors(page), ["a-b-c-d", "a-b", "a-b-1"]);
    assert_eq!(normal(Path::new("docs/operating/../clients.md")), Path::new("docs/clients.md"));
}
