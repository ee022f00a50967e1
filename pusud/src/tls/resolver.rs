//! The certificate for the name that a client asks for.
//!
//! Of several with the same name the first one counts whose kind of key the client knows, so that an RSA certificate can
//! stand behind one with ECDSA for clients that know no better.

use super::identity::Identity;
use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// All certificates of a listener, by name. The first one is for everybody else.
#[derive(Debug)]
pub(super) struct Resolver {
    all: Vec<Arc<CertifiedKey>>,
    /// Places in `all` by name in lower case, in their order; `*.a` is kept as `*.a`.
    by_name: HashMap<String, Vec<usize>>,
}

impl Resolver {
    pub(super) fn new(identities: &[Identity]) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, identity) in identities.iter().enumerate() {
            for name in &identity.facts.names.dns {
                by_name.entry(name.to_ascii_lowercase()).or_default().push(at);
            }
        }
        Self { all: identities.iter().map(|identity| identity.certified.clone()).collect(), by_name }
    }

    /// A name itself goes before a wildcard, which stands for the first label alone.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let name = name.map(str::to_ascii_lowercase).unwrap_or_default();
        let wildcard = name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let named = [Some(name), wildcard].into_iter().flatten().filter_map(|name| self.by_name.get(&name)).flatten();
        let named: Vec<_> = named.map(|&at| &self.all[at]).collect();
        let candidates = if named.is_empty() { self.all.iter().collect() } else { named };
        let known = candidates.iter().find(|candidate| candidate.key.choose_scheme(schemes).is_some());
        known.or(candidates.first()).map(|chosen| Arc::clone(chosen))
    }
}

thread_local! {
    static ASKED_NAME: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

/// The name that the client asked for in the handshake that this thread has just gone on with. rustls's unbuffered sessions
/// do not tell it, and the resolver is asked in the middle of each handshake.
pub(super) fn take_asked_name() -> Option<Box<str>> {
    ASKED_NAME.take()
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        ASKED_NAME.set(hello.server_name().map(Into::into));
        self.choose(hello.server_name(), hello.signature_schemes())
    }
}
