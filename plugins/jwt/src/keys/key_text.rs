//! `jwt_verification_key`, and the file that may hold it: a secret, or a public key in PEM format.
//!
//! **Invariant:** no error contains the text.

use jsonwebtoken::DecodingKey;

/// Reads the text as what it looks like: PEM, else a secret.
///
/// # Errors
/// It is something else that is no secret, such as a private key.
pub(crate) fn parse(text: &str) -> Result<DecodingKey, String> {
    let start = text.trim_start();
    if let Some(rest) = start.strip_prefix("-----BEGIN ") {
        let label = rest.split("-----").next().unwrap_or_default();
        return pem(label, start);
    }
    if ["ssh-", "ecdsa-sha2-"].iter().any(|prefix| start.starts_with(prefix)) {
        return Err(
            "it is a public key in the format of OpenSSH; expected PEM, as `ssh-keygen -e -m PKCS8 -f KEY.pub` \
                    prints it"
                .into(),
        );
    }
    Ok(DecodingKey::from_secret(text.as_bytes()))
}

fn pem(label: &str, text: &str) -> Result<DecodingKey, String> {
    match label {
        "PUBLIC KEY" | "RSA PUBLIC KEY" => {
            let bytes = text.trim_end().as_bytes();
            // Each takes only keys of its own kind.
            DecodingKey::from_rsa_pem(bytes)
                .or_else(|_| DecodingKey::from_ec_pem(bytes))
                .or_else(|_| DecodingKey::from_ed_pem(bytes))
                .map_err(|_| {
                    "it is in PEM format, but no RSA, EC or Ed25519 public key, or damaged: in YAML, write `|` behind the \
                     colon and indent all its lines alike"
                        .into()
                })
        }
        "CERTIFICATE" => Err("it is a certificate; expected the public key in it, as `openssl x509 -in CERTIFICATE \
                              -pubkey -noout` prints it"
            .into()),
        label if label.contains("PRIVATE KEY") => {
            Err("it is a private key, which signs tokens and does not belong on a relay; expected the public key, as \
                 `openssl pkey -in PRIVATE_KEY -pubout` prints it"
                .into())
        }
        _ => Err("it is in PEM format, but no public key".into()),
    }
}
