//! Metadata, keys and health (RFC 8414; OpenID Connect Discovery).

use http::{Method, StatusCode};
use serde_json::json;

use crate::rig::app::TestApp;
use crate::rig::request::request;

const AUTH_METHODS: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
const ASSERTION_ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

const CLAIMS: [&str; 29] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "auth_time",
    "at_hash",
    "jti",
    "sid",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
    "email",
    "email_verified",
    "address",
    "phone_number",
    "phone_number_verified",
];

#[tokio::test]
async fn both_metadata_documents_state_what_works_with_a_byte_exact_issuer_and_differ_only_in_the_authorization_endpoint()
 {
    for (issuer, prefix, below) in [
        ("https://id.example.com", "", "https://id.example.com"),
        ("https://id.example.com/", "", "https://id.example.com"),
        ("https://id.example.com/prod", "/prod", "https://id.example.com/prod"),
    ] {
        let app = TestApp::builder().variable("PASSGRANT_ISSUER", issuer).start().await;
        let expected = json!({
            "issuer": issuer,
            "token_endpoint": format!("{below}/oauth2/token"),
            "introspection_endpoint": format!("{below}/oauth2/introspect"),
            "revocation_endpoint": format!("{below}/oauth2/revoke"),
            "userinfo_endpoint": format!("{below}/oauth2/userinfo"),
            "jwks_uri": format!("{below}/oauth2/jwks"),
            "grant_types_supported": ["password", "refresh_token"],
            "token_endpoint_auth_methods_supported": AUTH_METHODS,
            "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
            "introspection_endpoint_auth_methods_supported": AUTH_METHODS[..3],
            "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
            "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
            "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            "scopes_supported": ["openid", "offline_access", "profile", "email", "address", "phone"],
            "claims_supported": CLAIMS,
        });
        let mut openid = expected.clone();
        openid["authorization_endpoint"] = json!(format!("{below}/oauth2/authorize"));
        for (document, expected) in [("oauth-authorization-server", expected), ("openid-configuration", openid)] {
            let well_known = format!("/.well-known/{document}");
            // Below the issuer, without the issuer's path, which a proxy may take off, and with it inserted (RFC 8414, section 3.1).
            for path in [format!("{prefix}{well_known}"), well_known.clone(), format!("{well_known}{prefix}")] {
                let answer = app.get(&path).await.succeeded();
                assert_eq!(answer.json(), expected, "{path}");
                assert_eq!(answer.headers["cache-control"], "public, max-age=300");
            }
        }
    }
}

#[tokio::test]
async fn an_issuer_whose_path_resembles_the_services_own_is_served_with_and_without_it() {
    for (issuer, path) in [
        ("https://id.example.com/oauth2", "/oauth2/jwks"),
        ("https://id.example.com/oauth2", "/oauth2/oauth2/jwks"),
        ("https://id.example.com/oauth2", "/healthz"),
        ("https://id.example.com/oauth2", "/oauth2/healthz"),
        ("https://id.example.com/oauth2", "/oauth2/.well-known/openid-configuration"),
        ("https://id.example.com/oauth2", "/.well-known/openid-configuration/oauth2"),
        ("https://id.example.com/.well-known", "/.well-known/.well-known/oauth-authorization-server"),
        ("https://id.example.com/.well-known", "/.well-known/oauth-authorization-server"),
        ("https://id.example.com/.well-known", "/.well-known/oauth-authorization-server/.well-known"),
    ] {
        let app = TestApp::builder().variable("PASSGRANT_ISSUER", issuer).start().await;
        app.get(path).await.succeeded();
        app.get(&format!("/oauth2/oauth2{path}")).await.failed(404, "invalid_request");
    }
}

#[tokio::test]
async fn head_works_where_get_does_and_gives_no_body() {
    let app = TestApp::start().await;
    for path in ["/healthz", "/oauth2/jwks", "/.well-known/openid-configuration"] {
        let get = app.get(path).await.succeeded();
        let head = app.send(request(Method::HEAD, path, "")).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.headers["content-length"], get.body.len().to_string().as_str());
        assert_eq!(head.headers["content-type"], get.headers["content-type"]);
    }
}

#[tokio::test]
async fn a_known_path_with_another_method_is_405_with_allow() {
    let app = TestApp::start().await;
    for (method, path, allow) in [
        (Method::GET, "/oauth2/token", "POST"),
        (Method::HEAD, "/oauth2/token", "POST"),
        (Method::PUT, "/oauth2/token", "POST"),
        (Method::OPTIONS, "/oauth2/token", "POST"),
        (Method::POST, "/oauth2/jwks", "GET, HEAD"),
        (Method::PUT, "/oauth2/authorize", "GET, HEAD, POST"),
        (Method::DELETE, "/healthz", "GET, HEAD"),
    ] {
        let answer = app.send(request(method.clone(), path, "")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!(answer.headers["allow"], allow);
    }
}

#[tokio::test]
async fn the_health_check_calls_nothing() {
    let app = TestApp::start().await;
    app.dynamodb_wire.take_exchanges();
    assert_eq!(app.get("/healthz").await.succeeded().json(), json!({"status": "ok"}));
    assert!(app.dynamodb_wire.take_exchanges().is_empty());
}
