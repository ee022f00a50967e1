//! Warnings about settings that are allowed and probably not meant.

use super::{Config, ISOLATION_MEMORY, Isolation, NO_AUTHENTICATOR, encryption, nats, operations};

impl Config {
    /// What is allowed but probably not meant.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let authenticator = &self.authenticator;
        if authenticator.id == NO_AUTHENTICATOR {
            for listener in self.listeners.iter().filter(|listener| listener.is_open_to_others()) {
                warnings.push(format!(
                    "`authenticator: None` on {}: whoever reaches this port may read and write every channel; name an \
                     authenticator, or set `client_address: 127.0.0.1`",
                    listener.endpoint
                ));
            }
            for (key, is_set) in [
                ("authenticator_options", !authenticator.options.is_empty()),
                ("authenticator_sha256", authenticator.sha256.is_some()),
                ("isolation", authenticator.isolation != Isolation::default()),
                ("authenticator_sees", !self.authenticator_sees.is_empty()),
            ] {
                if is_set {
                    warnings.push(format!("`{key}` has no effect with `authenticator: None`, which loads no plugin"));
                }
            }
        }
        if self.authenticator_sees.has_cookie() && self.limits.allowed_origins.is_empty() {
            warnings.push(
                "`authenticator_sees` names `cookie`, and `limits.allowed_origins` is empty: where any page may connect, no \
                 page's cookies are shown, since each could use those of its visitors; name the origins of your pages"
                    .to_owned(),
            );
        }
        if authenticator.isolation_memory != Some(ISOLATION_MEMORY) && authenticator.isolation == Isolation::Thread {
            warnings.push("`isolation_memory` has no effect without `isolation: process`".to_owned());
        }
        for listener in &self.listeners {
            warnings.extend(listener.warnings());
        }
        if self.tls_ticket_key_file.is_some() && self.listeners.iter().all(|listener| listener.tls.is_none()) {
            warnings.push("`tls_ticket_key_file` has no effect: no listener has TLS".to_owned());
        }
        warnings.extend(encryption::warnings(self));
        warnings.extend(nats::warnings(self));
        warnings.extend(operations::warnings(self));
        warnings
    }
}
