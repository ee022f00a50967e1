//! A token in its compact form, taken apart: header, payload, signature (RFC 7515).
//!
//! Nothing here is believed, and nothing is looked at that is longer than a token may be.

use crate::algorithms::Algorithm;
use crate::members::Members;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pusu_plugin_api::json::{Object, present};
use pusu_plugin_api::serde::de::IgnoredAny;
use pusu_plugin_api::serde::{self, Deserialize};
use zeroize::Zeroizing;

/// Why a token is not accepted. The client may read it, so it is a text of this source and holds nothing of the token.
pub(crate) type Refusal = &'static str;

/// Why a signature has not been found good.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    /// It is not good.
    Refused(Refusal),
    /// It may be: the key is not known, and there may be newer keys than those that could be read. The text says so.
    Undecided(Refusal),
    /// It may be, and soon more is known: keys are being fetched, or will be.
    Later,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Longest token in bytes. It goes with the relay's bound on messages of clients that are not authorized yet.
pub(crate) const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A token whose header has been read, and nothing else.
pub(crate) struct Token<'a> {
    /// What the signature is over: header and payload with the dot between them.
    pub(crate) signed: &'a [u8],
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    pub(crate) signature: Vec<u8>,
    payload: &'a [u8],
}

/// The parameters that matter here. All others are ignored, those above all that bring or name a key (`jwk`, `jku`,
/// `x5c`, `x5u`).
#[derive(Deserialize)]
#[serde(crate = "serde")]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

impl<'a> Token<'a> {
    /// Takes the token apart and reads its header.
    ///
    /// # Errors
    /// It is no token, or one with a header that cannot be accepted whatever the key is.
    pub(crate) fn take_apart(token: &'a [u8]) -> Result<Self, Refusal> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err("the token is too long");
        }
        let mut parts = token.split(|&byte| byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("not a token: expected three parts with dots between them");
        };
        let header = decoded(header)?;
        let Object(header): Object<Header> =
            serde_json::from_slice(&header).map_err(|_| "the token's header is malformed")?;
        if header.crit.is_some() {
            // Whoever does not understand an extension named there must not accept the token, and none is understood.
            return Err("the token's header has `crit`, which is not understood");
        }
        Ok(Self {
            signed: &token[..token.len() - signature.len() - 1],
            algorithm: header.alg.parse().map_err(|()| ALGORITHM_NOT_ACCEPTED)?,
            key_id: header.kid,
            signature: decoded(signature)?.to_vec(),
            payload,
        })
    }

    /// Whether something looks like a token: three parts, of which the first is an object with an algorithm.
    pub(crate) fn has_header(text: &[u8]) -> bool {
        let mut parts = text.split(|&byte| byte == b'.');
        let header = parts.next().and_then(|header| decoded(header).ok());
        let has_rest = parts.count() == 2;
        has_rest
            && header.is_some_and(|header| Members::parse(&header).is_ok_and(|members| members.get("alg").is_some()))
    }

    /// The payload. Whoever calls this has found the signature good, or gives nothing for what stands there.
    ///
    /// # Errors
    /// It is not base64.
    pub(crate) fn payload(&self) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        decoded(self.payload)
    }
}

/// Also for an algorithm that nobody has heard of, so that the answer does not tell which ones there are.
pub(crate) const ALGORITHM_NOT_ACCEPTED: Refusal = "the token's algorithm is not accepted";

fn decoded(part: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map(Zeroizing::new).map_err(|_| "a part of the token is not base64url")
}
