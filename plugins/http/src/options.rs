//! Options as they stand in the settings, checked and with the defaults filled in.
//!
//! **Invariant:** no error contains a value of `http_headers`.

use crate::credential;
use crate::endpoint::{self, Endpoint};
use crate::sends::Sends;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use pusu_plugin_api::options::{Place, Time};
use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{CreateError, Host};
use shared_https::{Names, Trust};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

const TIMEOUT: Time = Time(Duration::from_secs(2));
const TIMEOUT_RANGE: RangeInclusive<Time> = Time(Duration::from_millis(10))..=Time(Duration::from_secs(60));
const CONNECTION_AGE_MAX: Time = Time(Duration::from_secs(60));
const CONNECTION_AGE_MAX_RANGE: RangeInclusive<Time> = Time(Duration::from_secs(1))..=Time(Duration::from_secs(3600));
const MAX_CONNECTIONS: usize = 16;
const MAX_CONNECTIONS_RANGE: RangeInclusive<usize> = 1..=1024;
const CACHE_ENTRIES: usize = 10_000;
const CACHE_ENTRIES_RANGE: RangeInclusive<usize> = 0..=1_000_000;
const NAMES: Names = Names { url: "http_url", ca_file: "http_ca_file", address: "`http_url`" };
/// What the request says of itself; everything else in `http_headers` is the operator's to say.
const OWN_HEADERS: [HeaderName; 9] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
pub(crate) struct Options {
    http_url: Zeroizing<String>,
    http_timeout: Option<Time>,
    #[serde(default)]
    http_headers: BTreeMap<String, Zeroizing<String>>,
    http_ca_file: Option<PathBuf>,
    http_max_connections: Option<usize>,
    http_max_connection_age: Option<Time>,
    http_cache_entries: Option<usize>,
    http_send: Option<Vec<String>>,
}

/// What the service is asked, and how.
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    /// For `https://` alone.
    pub(crate) trust: Option<Trust>,
    pub(crate) headers: HeaderMap,
    /// The service knows the relay by something in the headers or in the URL.
    pub(crate) has_credential: bool,
    /// From the question to the end of the answer.
    pub(crate) timeout: Duration,
    pub(crate) max_connections: usize,
    /// How long a connection is used.
    pub(crate) age_max: Duration,
    pub(crate) cache_entries: usize,
    pub(crate) sends: Sends,
}

impl Settings {
    /// Checks the options; contacts nobody.
    ///
    /// # Errors
    /// The first option that is wrong.
    pub(crate) fn of(options: Options, host: &Host) -> Result<Self, CreateError> {
        let mut endpoint = Endpoint::parse(&options.http_url).map_err(|text| Place::option("http_url").error(text))?;
        if let endpoint::Place::Unix(socket) = &mut endpoint.place {
            *socket = host.resolve(&*socket);
        }
        if !endpoint.is_encrypted && !endpoint.is_local() {
            host.warn(format_args!(
                "`http_url`: authorizations go to {} unencrypted; use https:// unless nobody else is on the way",
                endpoint.shown()
            ));
        }
        let trust = match (endpoint.is_encrypted, options.http_ca_file) {
            (true, file) => {
                let file = file.map(|file| host.resolve(file));
                Some(Trust::open(file, endpoint.host(), NAMES, host)?)
            }
            (false, None) => None,
            (false, Some(_)) => {
                return Err(Place::option("http_ca_file")
                    .error("has no meaning without https:// in `http_url`; remove one of them"));
            }
        };
        let headers = headers(&options.http_headers)?;
        let has_credential = headers.keys().any(|name| credential::is_name_of_one(name.as_str()))
            || endpoint.parameters().any(credential::is_name_of_one);
        Ok(Self {
            endpoint,
            trust,
            headers,
            has_credential,
            timeout: timeout(options.http_timeout, host.entry().and_then(|entry| entry.authorize_timeout))?,
            max_connections: Place::option("http_max_connections")
                .in_range(options.http_max_connections.unwrap_or(MAX_CONNECTIONS), MAX_CONNECTIONS_RANGE)?,
            age_max: Place::option("http_max_connection_age")
                .in_range(options.http_max_connection_age.unwrap_or(CONNECTION_AGE_MAX), CONNECTION_AGE_MAX_RANGE)?
                .into(),
            cache_entries: Place::option("http_cache_entries")
                .in_range(options.http_cache_entries.unwrap_or(CACHE_ENTRIES), CACHE_ENTRIES_RANGE)?,
            sends: Sends::of(options.http_send.as_deref())?,
        })
    }
}

/// How long a question may take, where the relay waits for so long. Past that nobody waits for the answer, and what the
/// service has to say of it would be lost.
fn timeout(wanted: Option<Time>, relays: Option<Duration>) -> Result<Duration, CreateError> {
    let place = Place::option("http_timeout");
    let relays = relays.unwrap_or(Duration::MAX);
    match wanted {
        // A little less, so that it is seen here that the service is late, and not in the relay alone.
        None => Ok(Duration::from(TIMEOUT).min(relays / 10 * 9)),
        Some(wanted) => match place.in_range(wanted, TIMEOUT_RANGE)?.into() {
            timeout if timeout <= relays => Ok(timeout),
            _ => Err(place.error(format_args!(
                "expected at most {}, since the relay waits no longer for an answer (`limits.authorize_call_timeout`), \
                 found {wanted}; lower this or raise that",
                Time(relays)
            ))),
        },
    }
}

fn headers(wanted: &BTreeMap<String, Zeroizing<String>>) -> Result<HeaderMap, CreateError> {
    let mut headers = HeaderMap::new();
    for (index, (name, value)) in wanted.iter().enumerate() {
        let place = Place::option("http_headers").entry(index);
        let name: HeaderName = name.parse().map_err(|_| place.error("expected the name of an HTTP header"))?;
        if OWN_HEADERS.contains(&name) {
            return Err(place.error(format_args!("`{name}` is set by HttpAuthenticator itself; remove it")));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            place.error(format_args!("`{name}`: expected a line of printable text, found other characters"))
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}
