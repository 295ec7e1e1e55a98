//! The endpoints that mutual TLS reaches (RFC 8705, section 5).

use http::StatusCode;
use passgrant::client::authentication::AuthMethod;
use serde_json::json;

use crate::rig::app::TestApp;

const WELL_KNOWN: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

#[tokio::test]
async fn metadata_names_the_endpoints_under_mutual_tls_only_where_there_is_such_a_host_name() {
    let without = TestApp::start().await;
    for path in WELL_KNOWN {
        assert_eq!(without.get(path).await.succeeded().json().get("mtls_endpoint_aliases"), None, "{path}");
    }
    for (url, base) in [
        ("https://mtls.example.com", "https://mtls.example.com"),
        ("https://mtls.example.com/", "https://mtls.example.com"),
        ("https://mtls.example.com:8443/auth", "https://mtls.example.com:8443/auth"),
    ] {
        let app = TestApp::builder().variable("PASSGRANT_MTLS_URL", url).start().await;
        for path in WELL_KNOWN {
            let metadata = app.get(path).await.succeeded().json();
            // Neither the keys nor what people would open: verifiers and browsers have no certificate.
            let expected = json!({
                "token_endpoint": format!("{base}/oauth2/token"),
                "introspection_endpoint": format!("{base}/oauth2/introspect"),
                "revocation_endpoint": format!("{base}/oauth2/revoke"),
                "userinfo_endpoint": format!("{base}/oauth2/userinfo"),
            });
            assert_eq!(metadata["mtls_endpoint_aliases"], expected, "{path}");
            assert_eq!(metadata["token_endpoint"], "https://id.example.com/oauth2/token", "the usual names stay");
            assert_eq!(metadata["jwks_uri"], "https://id.example.com/oauth2/jwks");
            let methods = metadata["token_endpoint_auth_methods_supported"].as_array().cloned().unwrap_or_default();
            assert_eq!(methods.len(), AuthMethod::ALL.len(), "a certificate authenticates no client to the service");
        }
    }
}

#[tokio::test]
async fn an_issuer_says_the_same_of_itself_under_either_host_name() {
    let app = TestApp::builder().variable("PASSGRANT_MTLS_URL", "https://mtls.example.com").start().await;
    let answer = app.get(WELL_KNOWN[0]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["issuer"], "https://id.example.com");
}
