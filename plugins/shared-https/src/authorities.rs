//! Authorities: the certificates in a file, from bytes to what TLS trusts, and what cannot be meant.
//!
//! A certificate that is the service's own is a mistake that TLS would only report in general words, and not before the
//! first client comes: so it is found here.

use crate::certificate_names::{is_for, is_self_signed};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The way out for who has made a certificate that signs itself.
const OWN_CERTIFICATE: &str = "Make it anew without the rights of an authority, and give that to both \
     (openssl req -x509 … -addext basicConstraints=critical,CA:FALSE); or sign the service's certificate with an authority \
     of your own, and name the authority's here";

/// The authorities in `pem`, for a service called `host`.
///
/// # Errors
/// What is wrong with which certificate, and the way out.
pub(crate) fn authorities(pem: &[u8], host: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let mut useless = None;
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let place = index + 1;
        let certificate = certificate.map_err(|error| format!("certificate {place} is not in PEM format: {error}"))?;
        match kind(&certificate, host) {
            Kind::Usable => {}
            Kind::OwnAuthority => {
                return Err(format!(
                    "certificate {place} is the service's own, signed by itself and marked as an authority (CA:TRUE): TLS \
                     accepts no authority as a server. {OWN_CERTIFICATE}"
                ));
            }
            // Beside its authority it does no harm.
            Kind::Useless { issuer } => {
                useless.get_or_insert((place, issuer));
                continue;
            }
        }
        roots.add(certificate).map_err(|error| format!("certificate {place} cannot be used: {error}"))?;
    }
    match useless {
        _ if !roots.is_empty() => Ok(roots),
        Some((place, issuer)) => Err(format!(
            "certificate {place} is no authority's, so that nobody can be trusted by it: name the certificate of its \
             issuer, {issuer}"
        )),
        None => Err("expected certificates in PEM format (-----BEGIN CERTIFICATE-----), found none".into()),
    }
}

enum Kind {
    Usable,
    /// Of the service itself, and of an authority: no server may show it.
    OwnAuthority,
    /// Neither an authority's nor signed by itself.
    Useless {
        issuer: String,
    },
}

fn kind(certificate: &[u8], host: &str) -> Kind {
    // What is not understood here TLS may understand, or refuses in its own words.
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Kind::Usable };
    match (is_self_signed(&certificate), certificate.is_ca()) {
        (true, true) if is_for(&certificate, host) => Kind::OwnAuthority,
        // Authorities of version 1 cannot say that they are some, and sign themselves.
        (false, false) => Kind::Useless { issuer: certificate.issuer().to_string().escape_debug().to_string() },
        _ => Kind::Usable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    /// The PEM of a certificate that signs itself.
    fn self_signed(names: &[&str], is_ca: IsCa) -> String {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.is_ca = is_ca;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn ca() -> IsCa {
        IsCa::Ca(BasicConstraints::Unconstrained)
    }

    #[test]
    fn the_services_own_certificate_is_told_from_an_authority() {
        let names = ["auth.example.com", "*.internal.example", "192.0.2.1", "2001:db8::1"];
        let own = self_signed(&names, ca());
        for host in ["auth.example.com", "AUTH.example.com", "a.internal.example", "192.0.2.1", "2001:db8::1"] {
            let error = authorities(own.as_bytes(), host).unwrap_err();
            assert!(error.starts_with("certificate 1 is the service's own") && error.contains("CA:FALSE"), "{error}");
        }
        for (pem, host) in [
            (own, "other.example.com"),
            (self_signed(&names, IsCa::ExplicitNoCa), "auth.example.com"),
            (self_signed(&names, IsCa::NoCa), "auth.example.com"),
            (self_signed(&[], ca()), "auth.example.com"),
        ] {
            assert_eq!(authorities(pem.as_bytes(), host).unwrap().len(), 1, "{host}");
        }
    }

    #[test]
    fn a_certificate_that_vouches_for_nobody_is_pointed_out() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = ca();
        params.distinguished_name.push(rcgen::DnType::CommonName, "An Authority");
        let authority = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let leaf = CertificateParams::new(vec!["auth.example.com".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().pem();
        let error = authorities(leaf.as_bytes(), "auth.example.com").unwrap_err();
        assert!(error.starts_with("certificate 1 is no authority's") && error.contains("An Authority"), "{error}");
        let both = authorities(format!("{leaf}{authority}").as_bytes(), "auth.example.com").unwrap();
        assert_eq!(both.len(), 1);
        let error = authorities(b"nothing", "auth.example.com").unwrap_err();
        assert!(error.contains("found none"), "{error}");
    }
}
