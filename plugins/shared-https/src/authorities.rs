//! Authorities: the certificates in a file, from bytes to what TLS trusts, and what cannot be meant or may not be.
//!
//! TLS reports such a mistake in general words, and not before the first client comes: so it is looked for here. TLS looks
//! at the rights of an authority in what a server shows, and never in what is trusted, so that only little is sure here.

use crate::certificate_names::{is_for, is_self_signed};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

/// The way out for who has made a certificate that signs itself, in words that follow on `:`.
pub(crate) const OWN_CERTIFICATE: &str = "make it anew without the rights of an authority, and trust that (openssl req \
     -x509 … -addext basicConstraints=critical,CA:FALSE); or sign the service's certificate with an authority of your own, \
     and trust the authority's";

/// What a file of authorities comes to.
#[derive(Debug)]
pub(crate) struct Authorities {
    pub(crate) roots: RootCertStore,
    /// What may be a mistake, and the way out if it is one.
    pub(crate) doubt: Option<String>,
}

/// The authorities in `pem`, for a service called `host`.
///
/// # Errors
/// What is wrong with which certificate, and the way out.
pub(crate) fn authorities(pem: &[u8], host: &str) -> Result<Authorities, String> {
    let mut roots = RootCertStore::empty();
    let (mut useless, mut doubt) = (None, None);
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let place = index + 1;
        let certificate = certificate.map_err(|error| format!("certificate {place} is not in PEM format: {error}"))?;
        match kind(&certificate, host) {
            Kind::Usable => {}
            Kind::PerhapsOwn => {
                doubt.get_or_insert_with(|| {
                    format!(
                        "certificate {place} names the service, signs itself and is marked as an authority (CA:TRUE). If it \
                         has signed the certificate that the service shows, all is well. If it is the one that the service \
                         shows, TLS will not accept it: {OWN_CERTIFICATE}"
                    )
                });
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
        _ if !roots.is_empty() => Ok(Authorities { roots, doubt }),
        Some((place, issuer)) => Err(format!(
            "certificate {place} is no authority's, so that nobody can be trusted by it: name the certificate of its \
             issuer, {issuer}"
        )),
        None => Err("expected certificates in PEM format (-----BEGIN CERTIFICATE-----), found none".into()),
    }
}

enum Kind {
    Usable,
    /// An authority's with the name of the service: it has signed what the service shows, or is shown itself, which no
    /// server may do. Which of them it is, only the service shows.
    PerhapsOwn,
    /// Neither an authority's nor signed by itself.
    Useless {
        issuer: String,
    },
}

fn kind(certificate: &[u8], host: &str) -> Kind {
    // What is not understood here TLS may understand, or refuses in its own words.
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Kind::Usable };
    match (is_self_signed(&certificate), certificate.is_ca()) {
        (true, true) if is_for(&certificate, host) => Kind::PerhapsOwn,
        // Authorities of version 1 cannot say that they are some.
        (false, false) if certificate.version() == X509Version::V3 => {
            Kind::Useless { issuer: certificate.issuer().to_string().escape_debug().to_string() }
        }
        // Also one that signs itself and is no authority's: a service that shows it is trusted.
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
    fn an_authority_with_the_services_name_is_trusted_and_doubted() {
        let names = ["auth.example.com", "*.internal.example", "192.0.2.1", "2001:db8::1"];
        let own = self_signed(&names, ca());
        for host in ["auth.example.com", "AUTH.example.com", "a.internal.example", "192.0.2.1", "2001:db8::1"] {
            let Authorities { roots, doubt } = authorities(own.as_bytes(), host).unwrap();
            let doubt = doubt.unwrap();
            assert!(doubt.starts_with("certificate 1 names the service") && doubt.contains("CA:FALSE"), "{doubt}");
            assert_eq!(roots.len(), 1);
        }
        for (pem, host) in [
            (own.clone(), "other.example.com"),
            (self_signed(&names, IsCa::ExplicitNoCa), "auth.example.com"),
            (self_signed(&names, IsCa::NoCa), "auth.example.com"),
            (self_signed(&[], ca()), "auth.example.com"),
        ] {
            let found = authorities(pem.as_bytes(), host).unwrap();
            assert_eq!((found.roots.len(), found.doubt), (1, None), "{host}");
        }
        // One that signs itself spoils no other one, whatever it is marked as.
        let (other, marked_not) = (self_signed(&[], ca()), self_signed(&names, IsCa::ExplicitNoCa));
        let bundle = authorities(format!("{other}{marked_not}{own}").as_bytes(), "auth.example.com").unwrap();
        assert_eq!(bundle.roots.len(), 3);
        assert!(bundle.doubt.unwrap().starts_with("certificate 3 names the service"));
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
        assert_eq!((both.roots.len(), both.doubt), (1, None));
        let error = authorities(b"nothing", "auth.example.com").unwrap_err();
        assert!(error.contains("found none"), "{error}");
    }
}
