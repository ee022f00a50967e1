//! Each way to prove who one is, and credentials that are wrong.

use super::super::credentials::CredentialsError;
use super::super::dial_error::DialError;
use super::super::nkey::{Nkey, USER};
use super::super::{Credentials, ServerError};
use super::real_server::{Server, write_secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The kinds of operators' and accounts' keys.
const OPERATOR: u8 = 14 << 3;
const ACCOUNT: u8 = 0;

fn password(password: &str) -> Credentials {
    Credentials::Password { user: "relay".to_owned(), password: Zeroizing::new(password.to_owned()) }
}

fn token(token: &str) -> Credentials {
    Credentials::Token(Zeroizing::new(token.to_owned()))
}

async fn is_let_in(server: &Server, credentials: Credentials) {
    let mut connection = server.connect(credentials).await.map_err(|error| error.to_string()).unwrap();
    assert!(connection.info.headers && connection.stream.encryption().is_none());
    connection.write(super::command::ping).await;
    assert_eq!(connection.said().await, [""; 0]);
}

async fn is_refused(server: &Server, credentials: Credentials) {
    let has_none = matches!(credentials, Credentials::None);
    let error = server.connect(credentials).await.err().expect("it is refused");
    if has_none {
        let shown = error.to_string();
        assert!(matches!(error, DialError::NoCredentials), "{error}");
        assert!(
            shown.contains("none are set: set `nats.user`") && shown.contains("`nats.credentials_file`"),
            "{shown}"
        );
        return;
    }
    assert!(matches!(error, DialError::Refused(ServerError::Authorization)), "{error}");
    assert!(error.to_string().contains("`nats.password`"), "{error}");
}

#[tokio::test]
async fn no_credentials() {
    let Some(server) = Server::start("", &[]) else { return };
    is_let_in(&server, Credentials::None).await;
    // Nobody asks for it.
    is_let_in(&server, password("hunter2")).await;
}

#[tokio::test]
async fn user_and_password() {
    let settings = "authorization: {user: relay, password: \"hun \\\"ter\\u0032\"}".replace("\\u0032", "2");
    let Some(server) = Server::start(&settings, &[]) else { return };
    is_let_in(&server, password("hun \"ter2")).await;
    for wrong in [password("hunter3"), token("hun \"ter2"), Credentials::None] {
        is_refused(&server, wrong).await;
    }
}

#[tokio::test]
async fn a_token() {
    let Some(server) = Server::start("authorization: {token: hunter2}", &[]) else { return };
    is_let_in(&server, token("hunter2")).await;
    for wrong in [token("hunter3"), Credentials::None] {
        is_refused(&server, wrong).await;
    }
}

#[tokio::test]
async fn an_nkey() {
    let (key, seed) = Nkey::made(USER, [1; 32]);
    let other = Nkey::made(USER, [2; 32]).1;
    let settings = format!("authorization: {{users: [{{nkey: {}}}]}}", key.public());
    let files = [("seed", &*format!("# of relay 1\n{seed}\n")), ("other", &*other)];
    let Some(server) = Server::start(&settings, &files) else { return };
    is_let_in(&server, Credentials::NkeySeedFile(server.path("seed"))).await;
    is_refused(&server, Credentials::NkeySeedFile(server.path("other"))).await;
    is_refused(&server, Credentials::None).await;
}

#[tokio::test]
async fn a_signature_that_nobody_asks_for() {
    let seed = Nkey::made(USER, [1; 32]).1;
    let Some(server) = Server::start("", &[("seed", &*seed)]) else { return };
    let error = server.connect(Credentials::NkeySeedFile(server.path("seed"))).await.err().unwrap();
    assert!(error.to_string().starts_with("`nats.nkey_seed_file`: the NATS server does not ask"), "{error}");
}

/// A JWT as NATS has them.
fn jwt(by: &Nkey, of: &Nkey, name: &str, nats: Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"jti": "1", "iat": 1, "iss": by.public(), "sub": of.public(), "name": name, "nats": nats});
    let signed = [part(json!({"typ": "JWT", "alg": "ed25519-nkey"})), part(claims)].join(".");
    let signature = by.sign(&signed);
    [signed, signature].join(".")
}

#[tokio::test]
async fn a_credentials_file() {
    let (operator, account) = (Nkey::made(OPERATOR, [1; 32]).0, Nkey::made(ACCOUNT, [2; 32]).0);
    let (user, seed) = Nkey::made(USER, [3; 32]);
    let other = Nkey::made(USER, [4; 32]).1;
    let limits = json!({"subs": -1, "conn": -1, "leaf": -1, "imports": -1, "exports": -1, "data": -1, "payload": -1, "wildcards": true});
    let of_operator = jwt(&operator, &operator, "O", json!({"type": "operator", "version": 2}));
    let of_account = jwt(&operator, &account, "A", json!({"type": "account", "version": 2, "limits": limits}));
    let permissions = json!({"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1});
    let mut claims = permissions;
    claims["type"] = "user".into();
    claims["version"] = 2.into();
    let of_user = jwt(&account, &user, "relay", claims);
    let settings = format!(
        "operator: {of_operator:?}\nresolver: MEMORY\nresolver_preload: {{{}: {of_account:?}}}\n",
        account.public()
    );
    let file = |seed: &str| {
        format!(
            "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n*** IMPORTANT ***\n\n\
             -----BEGIN USER NKEY SEED-----\r\n{seed}\r\n------END USER NKEY SEED------\n\n***\n"
        )
    };
    let Some(server) = Server::start(&settings, &[("creds", &*file(&seed)), ("other", &*file(&other))]) else { return };
    is_let_in(&server, Credentials::JwtFile(server.path("creds"))).await;
    is_refused(&server, Credentials::JwtFile(server.path("other"))).await;
    is_refused(&server, Credentials::None).await;
}

#[test]
fn files_that_cannot_be_used_are_named_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let seed = Nkey::made(USER, [1; 32]).1;
    let jwt = "-----BEGIN NATS USER JWT-----\nhunter2.a.b\n---END NATS USER JWT---\n";
    let both = |seed: &str| format!("{jwt}-----BEGIN USER NKEY SEED-----\n{seed}\n---END USER NKEY SEED---\n");
    let is_good = |credentials: &Credentials, text: &str| {
        write_secret(&path, text);
        credentials.check(true)
    };
    let (nkey, creds) = (Credentials::NkeySeedFile(path.clone()), Credentials::JwtFile(path.clone()));
    assert_eq!(is_good(&nkey, &seed), Ok(()));
    assert_eq!(is_good(&nkey, &both(&seed)), Ok(()), "the seed of a credentials file");
    assert_eq!(is_good(&creds, &both(&seed)), Ok(()));
    for (credentials, text, expected) in [
        (&nkey, "", "is empty"),
        (&nkey, "hunter2", "58 letters"),
        (&nkey, &*format!("{seed}\nhunter2"), "more than one line"),
        (&nkey, &*"hunter2 ".repeat(10_000), "has more than 65536 bytes"),
        (&creds, "", "has no `-----BEGIN NATS USER JWT-----`"),
        (&creds, &*seed, "has no `-----BEGIN NATS USER JWT-----`"),
        (&creds, jwt, "has no `-----BEGIN USER NKEY SEED-----`"),
        (&creds, &*both("hunter2"), "58 letters"),
        (&creds, &*both(&seed).replace("hunter2.a.b", "hunter2"), "has no JWT"),
        (&creds, &*both(&seed).replace("hunter2.a.b", "---"), "has no `-----BEGIN NATS USER JWT-----`"),
    ] {
        let error = is_good(credentials, text).unwrap_err();
        let key = if std::ptr::eq(credentials, &nkey) { "`nats.nkey_seed_file`" } else { "`nats.credentials_file`" };
        let shown = format!("{error} {error:?}");
        assert!(error.to_string().starts_with(&format!("{key}: {} ", path.display())), "{error}");
        assert!(shown.contains(expected) && !shown.contains("hunter2") && !shown.contains(&seed[4..12]), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(nkey.check(true).unwrap_err().to_string().contains("cannot be read"));
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(nkey.check(true), Err(CredentialsError::File { reason, .. }) if reason == "is no file"));
}

#[cfg(unix)]
#[test]
fn a_seed_that_everybody_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seed");
    write_secret(&path, &Nkey::made(USER, [1; 32]).1);
    let credentials = Credentials::NkeySeedFile(path.clone());
    assert_eq!(credentials.check(true), Ok(()));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(credentials.check(true).unwrap_err().to_string().contains("is open to everybody (mode 0644): `chmod o= "));
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?} {:?}", password("hunter2"), token("hunter2"));
    assert!(!shown.contains("hunter2") && shown.matches("[redacted]").count() == 2, "{shown}");
}
