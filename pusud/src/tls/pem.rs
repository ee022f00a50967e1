//! PEM: from the bytes of a file to the certificates, keys and lists in it.
//!
//! A section that a reader would pass over in silence, such as one that does not begin its line, is an error here.
//! **Invariant:** no error holds anything of a section's content: any may be of a key.

use anyhow::{bail, ensure};
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer,
    PrivateSec1KeyDer,
};

/// A label is a few words in capitals.
const LABEL_BYTES_MAX: usize = 64;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// A section of a file.
#[derive(Debug)]
pub(super) enum Section {
    Certificate(CertificateDer<'static>),
    Key(PrivateKeyDer<'static>),
    /// A private key that only a passphrase opens.
    EncryptedKey,
    Crl(CertificateRevocationListDer<'static>),
    /// Of another kind, by its label.
    Other(String),
}

impl Section {
    /// The label that it has in files, or one of those.
    pub(super) fn label(&self) -> &str {
        match self {
            Section::Certificate(_) => "CERTIFICATE",
            Section::Key(_) => "PRIVATE KEY",
            Section::EncryptedKey => "ENCRYPTED PRIVATE KEY",
            Section::Crl(_) => "X509 CRL",
            Section::Other(label) => label,
        }
    }
}

/// All sections, in their order. Text between them is a comment, as `openssl x509 -text` writes it.
///
/// # Errors
/// It is not PEM, or a section is broken; names the line, and the way out.
pub(super) fn sections(bytes: &[u8]) -> anyhow::Result<Vec<Section>> {
    let bytes = text(bytes)?;
    let mut sections = Vec::new();
    let mut open: Option<Open> = None;
    let mut at = 0;
    for (number, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let (number, start) = (number + 1, at);
        at += line.len();
        let line = line.trim_ascii_end();
        if let Some(label) = boundary(line, BEGIN, number)? {
            if let Some(Open { label, line, .. }) = open {
                bail!("line {line}: `{BEGIN}{label}-----` has no `{END}{label}-----`");
            }
            open = Some(Open { label, line: number, start });
        } else if let Some(label) = boundary(line, END, number)? {
            let Some(Open { label: opened, line: first, start }) = open.take() else {
                bail!("line {number}: `{END}{label}-----` has no `{BEGIN}{label}-----` before it");
            };
            ensure!(opened == label, "line {number}: `{END}{label}-----` ends the `{opened}` of line {first}");
            sections.push(decoded(label, &bytes[start..at], first)?);
        }
    }
    match open {
        Some(Open { label, line, .. }) => {
            bail!("line {line}: `{BEGIN}{label}-----` has no `{END}{label}-----`: the file is cut off")
        }
        None => Ok(sections),
    }
}

/// A section whose end has not come.
struct Open {
    label: String,
    line: usize,
    start: usize,
}

/// The file without a byte order mark.
fn text(bytes: &[u8]) -> anyhow::Result<&[u8]> {
    ensure!(!bytes.trim_ascii().is_empty(), "is empty");
    ensure!(
        !bytes.starts_with(b"\xff\xfe") && !bytes.starts_with(b"\xfe\xff"),
        "expected PEM, found UTF-16: convert it with `iconv -f UTF-16 -t UTF-8`"
    );
    // Both formats are one DER sequence; the first thing in that of PKCS #12 is its version, 3.
    if bytes.len() > 4 && bytes[0] == 0x30 && !bytes.is_ascii() {
        let header = if bytes[1] < 0x80 { 2 } else { 2 + usize::from(bytes[1] & 0x7f) };
        match bytes.get(header..).is_some_and(|content| content.starts_with(&[2, 1, 3])) {
            true => bail!("expected PEM, found PKCS #12: convert it with `openssl pkcs12 -nodes -in … -out …`"),
            false => bail!(
                "expected PEM, found DER: convert it with `openssl x509 -inform der -in … -out …` (a key with `pkey`, a \
                 CRL with `crl`)"
            ),
        }
    }
    Ok(bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes))
}

/// The label of a line that begins or ends a section.
///
/// # Errors
/// The line has more on it than that.
fn boundary(line: &[u8], mark: &str, number: usize) -> anyhow::Result<Option<String>> {
    let Some(at) = line.windows(mark.len()).position(|window| window == mark.as_bytes()) else { return Ok(None) };
    let label = line[at + mark.len()..].strip_suffix(b"-----").and_then(|label| std::str::from_utf8(label).ok());
    let is_label = |label: &&str| {
        let is_good = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ';
        !label.is_empty() && label.len() <= LABEL_BYTES_MAX && label.bytes().all(is_good)
    };
    match label.filter(is_label).filter(|_| at == 0) {
        Some(label) => Ok(Some(label.to_owned())),
        None => bail!(
            "line {number}: `{}…-----` is not alone on its line (line breaks are missing, or the line is indented)",
            mark
        ),
    }
}

fn decoded(label: String, section: &[u8], line: usize) -> anyhow::Result<Section> {
    // Both ways of encrypting: PKCS #8, and that of OpenSSL before it.
    let is_encrypted = |section: &[u8]| section.windows(9).any(|window| window == b"ENCRYPTED");
    if label.ends_with("PRIVATE KEY") && is_encrypted(section) {
        return Ok(Section::EncryptedKey);
    }
    let (kind, der) = match <(SectionKind, Vec<u8>)>::from_pem_slice(section) {
        Ok(decoded) => decoded,
        Err(rustls::pki_types::pem::Error::NoItemsFound) => return Ok(Section::Other(label)),
        // The error may quote the content.
        Err(_) => bail!("line {line}: the `{label}` that begins here is not base64"),
    };
    Ok(match kind {
        SectionKind::Certificate => Section::Certificate(CertificateDer::from(der)),
        SectionKind::PrivateKey => Section::Key(PrivatePkcs8KeyDer::from(der).into()),
        SectionKind::RsaPrivateKey => Section::Key(PrivatePkcs1KeyDer::from(der).into()),
        SectionKind::EcPrivateKey => Section::Key(PrivateSec1KeyDer::from(der).into()),
        SectionKind::Crl => Section::Crl(CertificateRevocationListDer::from(der)),
        _ => Section::Other(label),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<String> {
        sections(text.as_bytes()).unwrap().iter().map(|section| section.label().to_owned()).collect()
    }

    fn error(bytes: &[u8]) -> String {
        sections(bytes).unwrap_err().to_string()
    }

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nc2Vj\n-----END PRIVATE KEY-----\n";

    #[test]
    fn sections_in_their_order() {
        assert_eq!(labels(&[CERTIFICATE, "a comment\n", KEY].concat()), ["CERTIFICATE", "PRIVATE KEY"]);
        assert_eq!(labels(&format!("\u{feff}{}", CERTIFICATE.replace('\n', "\r\n"))), ["CERTIFICATE"]);
        assert_eq!(labels(CERTIFICATE.trim_end()), ["CERTIFICATE"]);
        assert_eq!(labels(&KEY.replace("PRIVATE", "EC PRIVATE")), ["PRIVATE KEY"]);
        assert_eq!(labels(&KEY.replace("PRIVATE KEY", "EC PARAMETERS")), ["EC PARAMETERS"]);
        assert_eq!(labels("a comment\n"), [""; 0]);
    }

    #[test]
    fn both_ways_of_encrypting_a_key_are_known() {
        assert_eq!(labels(&KEY.replace("PRIVATE", "ENCRYPTED PRIVATE")), ["ENCRYPTED PRIVATE KEY"]);
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AA\n\nc2Vj\n-----END RSA \
                   PRIVATE KEY-----\n";
        assert_eq!(labels(old), ["ENCRYPTED PRIVATE KEY"]);
    }

    #[test]
    fn nothing_is_passed_over() {
        let joined = [CERTIFICATE.trim_end(), CERTIFICATE].concat();
        assert!(error(joined.as_bytes()).contains("line 3: `-----BEGIN …-----` is not alone on its line"));
        assert!(error(format!("x\n  {CERTIFICATE}").as_bytes()).contains("line 2"));
        assert!(error(KEY.replace('\n', "\\n").as_bytes()).contains("line 1"));
        assert!(
            error(&[CERTIFICATE, &KEY[..40]].concat().into_bytes()).contains("line 4: `-----BEGIN PRIVATE KEY-----`")
        );
        assert!(error([&KEY[..33], CERTIFICATE].concat().as_bytes()).contains("has no `-----END PRIVATE KEY-----`"));
        assert!(error(&CERTIFICATE.as_bytes()[28..]).contains("before it"));
        let crossed = CERTIFICATE.replace("END CERTIFICATE", "END X509 CRL");
        assert!(error(crossed.as_bytes()).contains("ends the `CERTIFICATE` of line 1"));
    }

    #[test]
    fn other_formats_are_named_and_content_is_not_shown() {
        assert!(error(b" \n").contains("is empty"));
        assert!(error(b"\xff\xfe-\0-\0").contains("UTF-16"));
        assert!(error(b"\x30\x82\x01\x00\x30\xff").contains("found DER"));
        assert!(error(b"\x30\x82\x01\x00\x02\x01\x03\x30\xff").contains("found PKCS #12"));
        let broken = error(KEY.replace("c2Vj", "c2Vj!secret!").as_bytes());
        assert!(broken.contains("line 1: the `PRIVATE KEY`") && !broken.contains("secret"), "{broken}");
    }
}
