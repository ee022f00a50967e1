//! Tokens and key sets in the shape of the large identity providers, with keys that are made up: what the page of the plugin
//! says of each of them is what these relays are set to.

use super::fetched::{setup, token};
use super::{expect_refused, in_seconds, make};
use crate::harness::{Daemon, TokenServer};
use serde_json::{Value, json};

/// One provider.
struct Provider {
    name: &'static str,
    /// Members of its keys beside those of the key itself.
    members: Value,
    /// Keys that are in its set beside that.
    beside: Vec<Value>,
    claims: Value,
    options: &'static str,
    /// May be read, may be written, and may not be read.
    channels: [&'static str; 3],
}

fn certificates() -> Value {
    json!(["MIICmzCCAYMCBgGAmadeup"])
}

fn keycloak() -> Provider {
    Provider {
        name: "keycloak",
        members: json!({"alg": "RS256", "use": "sig", "x5c": certificates(), "x5t": "madeup", "x5t#S256": "madeup"}),
        beside: vec![json!({"kid": "enc", "kty": "RSA", "alg": "RSA-OAEP", "use": "enc", "n": "AQAB", "e": "AQAB",
                   "x5c": certificates()})],
        claims: json!({
            "jti": "onrtac:5f", "typ": "Bearer", "azp": "pusu", "sid": "s", "acr": "1", "aud": ["relay", "account"],
            "sub": "f0f1", "realm_access": {"roles": ["offline_access", "uma_authorization"]},
            "resource_access": {"pusu": {"roles": ["editor"]}, "account": {"roles": ["view-profile"]}},
            "scope": "openid email profile", "email_verified": true, "preferred_username": "alice", "iat": in_seconds(-9),
        }),
        options: "  jwt_audience: relay\n  jwt_grants:\n    - when: {claim: resource_access.pusu.roles, contains: editor}\n      \
                  read: ['news.*']\n      write: ['users.{preferred_username}.*']\n",
        channels: ["news.today", "users.alice.a", "users.bob.a"],
    }
}

fn auth0() -> Provider {
    Provider {
        name: "auth0",
        members: json!({"alg": "RS256", "use": "sig", "x5c": certificates(), "x5t": "madeup"}),
        beside: vec![],
        claims: json!({
            "sub": "auth0|1234", "aud": ["relay", "https://x.auth0.com/userinfo"], "azp": "client", "iat": in_seconds(-9),
            "scope": "openid news:read", "permissions": ["news:read"],
            "https://example.com/pusu": {"read": ["shop.*"], "write": []},
        }),
        options: "  jwt_audience: relay\n  jwt_claim: https://example.com/pusu\n  jwt_grants:\n    - when: {claim: scope, \
                  contains: 'news:read'}\n      read: ['news.*']\n    - write: ['users.{sub}.*']\n",
        channels: ["shop.a", "users.auth0|1234.a", "weather.a"],
    }
}

fn entra() -> Provider {
    Provider {
        name: "entra",
        members: json!({"use": "sig", "x5t": "madeup", "x5c": certificates(), "cloud_instance_name": "microsoftonline.com",
                        "issuer": "https://login.microsoftonline.com/t/v2.0"}),
        beside: vec![],
        claims: json!({
            "aud": "relay", "idp": "https://sts.windows.net/t/", "aio": "x", "azp": "client", "azpacr": "1",
            "name": "Alice", "oid": "0a-1b", "preferred_username": "alice@example.com", "rh": "x", "roles": ["News.Read"],
            "scp": "access_as_user", "sub": "xyz", "tid": "t", "uti": "x", "ver": "2.0", "nbf": in_seconds(-9),
            "iat": in_seconds(-9),
        }),
        options: "  jwt_audience: relay\n  jwt_grants:\n    - when: {claim: roles, contains: News.Read}\n      read: \
                  ['news.*']\n      write: ['users.{oid}.*']\n    - read: ['mail.{preferred_username}']\n      dots: true\n",
        channels: ["mail.alice@example.com", "users.0a-1b.a", "users.xyz.a"],
    }
}

fn firebase() -> Provider {
    Provider {
        name: "firebase",
        members: json!({"alg": "RS256", "use": "sig"}),
        beside: vec![],
        claims: json!({
            "aud": "relay", "auth_time": in_seconds(-20), "user_id": "uid7", "sub": "uid7", "iat": in_seconds(-9),
            "email": "alice@example.com", "email_verified": true, "plan": "paid",
            "firebase": {"identities": {"email": ["alice@example.com"]}, "sign_in_provider": "password"},
        }),
        options: "  jwt_audience: relay\n  jwt_grants:\n    - when:\n        - {claim: email_verified, equals: true}\n        - \
                  {claim: firebase.sign_in_provider, equals: [password, google.com]}\n      read: ['news.*']\n      write: \
                  ['users.{sub}.*']\n",
        channels: ["news.today", "users.uid7.a", "users.uid8.a"],
    }
}

fn expect_given(daemon: &Daemon, token: &str, [readable, writable, other]: [&str; 3]) {
    let mut client = daemon.client_with(token);
    client.subscribe(readable);
    client.publish(writable, json!(1));
    client.send(json!({"type": "subscribe", "channel": other}));
    assert_eq!(client.expect_error("permission_denied")["channel"], other);
    client.expect_closed(4502);
}

#[test]
fn the_tokens_of_large_providers_give_what_the_page_says() {
    let server = TokenServer::start();
    let mut documents = json!({});
    let providers = [keycloak(), auth0(), entra(), firebase()];
    let mut wanted = Vec::new();
    for provider in &providers {
        let issuer = server.url(&format!("/{}", provider.name));
        for (change, value) in [("iss", json!(issuer)), ("aud", json!("shop"))] {
            let mut claims = provider.claims.clone();
            claims["exp"] = json!(in_seconds(600));
            claims["iss"] = json!(issuer);
            claims[change] = value;
            wanted.push(token(provider.name, "RS256", claims));
        }
    }
    let kinds = json!({"keycloak": "RSA", "auth0": "RSA", "entra": "RSA", "firebase": "RSA"});
    let (keys, tokens) = make(kinds, &wanted);
    for provider in &providers {
        let name = provider.name;
        let mut key = json!({"kid": name, "kty": "RSA", "n": keys[name]["jwk"]["n"], "e": keys[name]["jwk"]["e"]});
        key.as_object_mut().unwrap().extend(provider.members.as_object().unwrap().clone());
        let set: Vec<Value> = provider.beside.iter().cloned().chain([key]).collect();
        let issuer = server.url(&format!("/{name}"));
        documents[format!("/{name}/.well-known/openid-configuration")] = json!({"answer": {
            "issuer": issuer, "jwks_uri": format!("{issuer}/keys"), "id_token_signing_alg_values_supported": ["RS256"],
        }});
        documents[format!("/{name}/keys")] = json!({"answer": {"keys": set}});
    }
    server.serve(&documents);
    for (provider, tokens) in providers.iter().zip(tokens.chunks(2)) {
        println!("{}", provider.name);
        let daemon = setup(&format!(
            "jwt_signing_algorithms: [RS256]\nauthenticator_options:\n  jwt_oidc_issuer: {}\n  jwt_jwks_ca_file: {:?}\n{}",
            server.url(&format!("/{}", provider.name)),
            server.ca_file,
            provider.options
        ))
        .start();
        expect_given(&daemon, &tokens[0], provider.channels);
        expect_refused(&daemon, &tokens[1], "the token is for another audience");
    }
}
