//! INFO: what a server says of itself, first of all and again when something of it changes.
//!
//! **Invariant:** a server's words are bounded, and none has a control character, so that they may stand in a log. The
//! server's id is one token of a subject.

use serde::Deserialize;

/// The most bytes of a name, a version or an id.
const TEXT_BYTES_MAX: usize = 255;
/// The most other servers that one may name.
const CONNECT_URLS_MAX: usize = 1024;
/// What a server may be set to take, in bytes: NATS itself warns from 8 MiB on.
const PAYLOAD_BYTES_MAX: i64 = i32::MAX as i64;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Info {
    /// Another one after each start of the server; a token of a subject.
    pub server_id: String,
    /// The server's name, for people.
    #[serde(default)]
    pub server_name: String,
    /// As `2.9.10`.
    pub version: String,
    #[serde(default)]
    cluster: Option<String>,
    /// The domain of JetStream, where it has one.
    #[serde(default)]
    pub domain: Option<String>,
    /// The longest payload with its headers, in bytes.
    #[serde(rename = "max_payload")]
    max_payload: i64,
    /// Whether it knows headers, without which it cannot say that nobody has a subject.
    #[serde(default)]
    pub headers: bool,
    /// Whether it asks for credentials.
    #[serde(default)]
    pub auth_required: bool,
    /// Whether nothing but TLS follows.
    #[serde(default)]
    pub tls_required: bool,
    /// Whether TLS may follow.
    #[serde(default)]
    pub tls_available: bool,
    /// To be signed by nkeys.
    #[serde(default)]
    pub nonce: Option<String>,
    /// Other servers of the cluster, as `host:port`.
    #[serde(default)]
    pub connect_urls: Vec<String>,
    /// Lame duck mode: the server is about to end, and its clients have to find another one.
    #[serde(default, rename = "ldm")]
    pub is_lame_duck: bool,
    /// The number of this connection there.
    #[serde(default)]
    pub client_id: u64,
    /// This side's address as the server sees it.
    #[serde(default)]
    pub client_ip: Option<String>,
}

/// The reason why an INFO is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InfoError {
    /// It is no JSON, or a field is missing or of another type; with the words of the parser, bounded and escaped.
    #[error("cannot be read: {0}")]
    Json(String),
    /// A field has a value that no server has; with its name, and what was expected.
    #[error("has an impossible `{0}`: expected {1}")]
    Value(&'static str, &'static str),
}

impl Info {
    /// Reads the JSON behind `INFO `. Fields that are not known are ignored.
    ///
    /// # Errors
    /// It is none, or has values that no server has.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, InfoError> {
        let info: Self = serde_json::from_slice(json).map_err(|error| {
            InfoError::Json(error.to_string().chars().take(TEXT_BYTES_MAX).flat_map(char::escape_debug).collect())
        })?;
        info.check()?;
        Ok(info)
    }

    /// The longest payload, its headers included, in bytes.
    pub(crate) fn payload_bytes_max(&self) -> usize {
        usize::try_from(self.max_payload).unwrap_or(0)
    }

    /// The name of its cluster; empty for a server alone.
    pub(crate) fn cluster(&self) -> &str {
        self.cluster.as_deref().unwrap_or_default()
    }

    fn check(&self) -> Result<(), InfoError> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if self.server_id.is_empty() || self.server_id.len() > TEXT_BYTES_MAX || !self.server_id.bytes().all(is_token) {
            return Err(InfoError::Value("server_id", "1 to 255 letters, digits, `-` and `_`"));
        }
        if !(1..=PAYLOAD_BYTES_MAX).contains(&self.max_payload) {
            return Err(InfoError::Value("max_payload", "1 to 2147483647"));
        }
        if self.connect_urls.len() > CONNECT_URLS_MAX {
            return Err(InfoError::Value("connect_urls", "at most 1024 of them"));
        }
        let texts = [
            ("server_name", Some(&self.server_name)),
            ("version", Some(&self.version)),
            ("cluster", self.cluster.as_ref()),
            ("domain", self.domain.as_ref()),
            ("nonce", self.nonce.as_ref()),
            ("client_ip", self.client_ip.as_ref()),
        ];
        let urls = self.connect_urls.iter().map(|url| ("connect_urls", Some(url)));
        let is_good = |text: &String| text.len() <= TEXT_BYTES_MAX && !text.contains(char::is_control);
        match texts.into_iter().chain(urls).find(|(_, text)| !text.is_none_or(is_good)) {
            Some((name, _)) => Err(InfoError::Value(name, "at most 255 bytes without control characters")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of nats-server 2.9.10 in a cluster, with nkeys.
    const REAL: &str = r#"{"server_id":"NBJ6KDXC3RHP3RXXL24RV6WFTZ6QWZLTQCBNBTNMT64PSYYHYXNAHBV4","server_name":"n1","version":"2.9.10","proto":1,"go":"go1.19.4","host":"127.0.0.1","port":4222,"headers":true,"auth_required":true,"max_payload":1048576,"client_id":5,"client_ip":"127.0.0.1","nonce":"jzJSL6ecPV5rFrQ","cluster":"c","connect_urls":["127.0.0.1:4222","127.0.0.1:4223"],"jetstream":true,"xkey":"X"}"#;

    fn parse(json: &str) -> Result<Info, InfoError> {
        Info::parse(json.as_bytes())
    }

    #[test]
    fn a_real_one() {
        let info = parse(REAL).unwrap();
        assert_eq!((info.version.as_str(), info.payload_bytes_max(), info.client_id), ("2.9.10", 1_048_576, 5));
        assert_eq!((info.cluster(), info.nonce.as_deref()), ("c", Some("jzJSL6ecPV5rFrQ")));
        assert_eq!(info.connect_urls, ["127.0.0.1:4222", "127.0.0.1:4223"]);
        assert!(info.headers && info.auth_required && !info.tls_required && !info.is_lame_duck);
    }

    #[test]
    fn the_least_of_one() {
        let info =
            parse(r#"{"server_id":"A","version":"2.9.10","max_payload":1,"ldm":true,"tls_required":true}"#).unwrap();
        assert!(info.is_lame_duck && info.tls_required && !info.headers && info.connect_urls.is_empty());
        assert_eq!((info.payload_bytes_max(), info.nonce), (1, None));
    }

    #[test]
    fn a_server_that_lies_is_not_believed() {
        for (from, to, expected) in [
            ("1048576", "-1", "`max_payload`"),
            ("1048576", "0", "`max_payload`"),
            ("1048576", "2147483648", "`max_payload`"),
            ("1048576", "1e99", "cannot be read"),
            ("1048576", "99999999999999999999", "cannot be read"),
            ("1048576", "\"a\"", "cannot be read"),
            ("NBJ6", "P.*.>", "`server_id`"),
            ("NBJ6", "a b", "`server_id`"),
            ("\"2.9.10\"", "null", "cannot be read"),
            ("\"2.9.10\"", "\"2\\n9\"", "`version`"),
            ("\"n1\"", "\"\\u001b[31m\"", "`server_name`"),
            ("127.0.0.1:4223", "\\u0000", "`connect_urls`"),
            ("\"client_id\":5", "\"client_id\":-5", "cannot be read"),
            ("true,\"auth", "\"yes\",\"auth", "cannot be read"),
            ("{\"server_id\"", "[{\"server_id\"", "cannot be read"),
            ("\"max_payload\":1048576,", "", "missing field `max_payload`"),
        ] {
            assert!(REAL.contains(from), "{from}");
            let error = parse(&REAL.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
        let long = "a".repeat(256);
        assert_eq!(
            parse(&REAL.replace("\"n1\"", &format!("{long:?}"))).unwrap_err(),
            InfoError::Value("server_name", "at most 255 bytes without control characters")
        );
        let many = format!("[{}\"a:1\"]", "\"a:1\",".repeat(1024));
        let error = parse(&REAL.replace(r#"["127.0.0.1:4222","127.0.0.1:4223"]"#, &many)).unwrap_err();
        assert!(error.to_string().contains("`connect_urls`"));
        let deep = "[".repeat(50_000);
        assert!(parse(&REAL.replace("\"xkey\":\"X\"", &format!("\"x\":{deep}"))).is_err());
    }
}
