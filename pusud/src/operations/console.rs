//! The console's files, as they lie in `pusud/console/`.

use super::answers::{Answer, answer, bare, with};
use super::body::Body;
use hyper::{HeaderMap, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// Makes the list of files: to add one, add its name.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../console/", $name)))),*]
    };
}

/// All files.
const FILES: &[(&str, &[u8])] = files![
    "api.js",
    "authenticator.js",
    "authorize.js",
    "changes.js",
    "channel.js",
    "channels.js",
    "charts.js",
    "client.js",
    "client_columns.js",
    "clients.js",
    "console.css",
    "decisions.js",
    "dialogs.js",
    "elements.js",
    "ended.js",
    "facts.js",
    "figures.css",
    "forms.css",
    "history.js",
    "index.html",
    "kept.js",
    "kept_messages.js",
    "list_bar.js",
    "listeners.js",
    "live.js",
    "main.js",
    "narrow.css",
    "nats.js",
    "network.js",
    "now.js",
    "outcome.js",
    "problems.js",
    "publish.js",
    "refused.js",
    "relay_picture.js",
    "relays.js",
    "repeated.js",
    "revocations.js",
    "room.js",
    "routes.js",
    "settings.js",
    "shadows.js",
    "sign_in.js",
    "table.js",
    "tables.css",
    "tail.js",
    "text.js",
    "theme.js",
    "times.js",
    "why.js",
];
/// The one that `/` is.
const FIRST: &str = "index.html";
/// Browsers ask each time whether a file is still the one that they have.
const CACHING: &str = "no-cache";

/// The file at this path of the port.
pub(super) fn file(path: &str) -> Option<(&'static str, &'static [u8])> {
    let name = match path.strip_prefix('/')? {
        "" => FIRST,
        name => name,
    };
    FILES.iter().find(|(file, _)| *file == name).copied()
}

/// The answer with a file, or that the one which the browser has is still good.
pub(super) fn serve((name, content): (&str, &'static [u8]), asked: &HeaderMap) -> Answer {
    let tag = tag(content);
    let has_it = asked.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.map(|tag| tag.trim_start_matches("W/")).any(|known| known == tag || known == "*")
    });
    let answer = match has_it {
        true => bare(StatusCode::NOT_MODIFIED, Body::whole("")),
        false => answer(StatusCode::OK, content_type(name), content),
    };
    with(with(answer, header::ETAG, &tag), header::CACHE_CONTROL, CACHING)
}

fn tag(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let first = serve(file("/").unwrap(), &HeaderMap::new());
        assert_eq!(
            (first.status(), first.headers()[header::CACHE_CONTROL].to_str().unwrap()),
            (StatusCode::OK, CACHING)
        );
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone())]);
        assert_eq!(serve(file("/index.html").unwrap(), &asked).status(), StatusCode::NOT_MODIFIED);
        assert!(file("/../Cargo.toml").is_none() && file("/other").is_none());
    }

    #[test]
    fn every_file_of_the_folder_is_served_with_its_type() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("console");
        let there = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut there: Vec<String> = there.collect();
        let mut served: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        there.sort();
        served.sort_unstable();
        assert_eq!(served, there);
        assert!(served.iter().all(|name| !content_type(name).starts_with("text/plain")), "{served:?}");
    }
}
