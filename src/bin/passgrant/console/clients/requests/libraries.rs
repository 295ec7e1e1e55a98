//! A password request as client libraries make it: those that `tests/clients` drives.

use passgrant::client::authentication::AuthMethod;
use passgrant::issuer::path;
use serde_json::Value;

use super::Request;

impl Request<'_> {
    /// The libraries that know the client's method, and what to write with each.
    pub(super) fn libraries(&self) -> Vec<(&'static str, String)> {
        let mut libraries =
            vec![("JavaScript, oauth4webapi", self.oauth4webapi()), ("Python, Authlib", self.authlib())];
        libraries.extend(self.oauth2().map(|text| ("Rust, oauth2", text)));
        libraries
    }

    fn oauth4webapi(&self) -> String {
        let issuer = self.service.issuer.as_str();
        let (key, authentication) = match self.method() {
            AuthMethod::ClientSecretBasic => ("", "ClientSecretBasic(process.env.CLIENT_SECRET)"),
            AuthMethod::ClientSecretPost => ("", "ClientSecretPost(process.env.CLIENT_SECRET)"),
            AuthMethod::PrivateKeyJwt => (JAVASCRIPT_KEY, "PrivateKeyJwt({ key, kid: jwk.kid })"),
            AuthMethod::None => ("", "None()"),
        };
        let scope = self.scope().map(|scope| format!(", scope: {}", quoted(&scope))).unwrap_or_default();
        // The library speaks plain HTTP only if it is told to.
        let (member, options) = if issuer.starts_with("http://") {
            (", [oauth.allowInsecureRequests]: true", ", { [oauth.allowInsecureRequests]: true }")
        } else {
            ("", "")
        };
        let (issuer, id) = (quoted(issuer), quoted(self.client.id.as_str()));
        format!(
            r#"import * as oauth from "oauth4webapi";
{key}
const issuer = new URL({issuer});
const discovery = await oauth.discoveryRequest(issuer, {{ algorithm: "oauth2"{member} }});
const server = await oauth.processDiscoveryResponse(issuer, discovery);
const client = {{ client_id: {id} }};
const authentication = oauth.{authentication};

const parameters = {{ username: "USERNAME", password: "PASSWORD"{scope} }};
const answer = await oauth.genericTokenEndpointRequest(
    server, client, authentication, "password", parameters{options});
const tokens = await oauth.processGenericTokenEndpointResponse(server, client, answer);"#
        )
    }

    fn authlib(&self) -> String {
        let (imports, secret, method, signer) = match self.method() {
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => {
                ("import os\n", "os.environ[\"CLIENT_SECRET\"]", self.method().as_str(), "")
            }
            AuthMethod::PrivateKeyJwt => (
                "import json, pathlib, time\n",
                "RSAKey.import_key(json.loads(pathlib.Path(\"private.json\").read_text()))",
                "private_key_jwt",
                PYTHON_SIGNER,
            ),
            AuthMethod::None => ("", "None", "none", ""),
        };
        let register = if signer.is_empty() {
            ""
        } else {
            "session.register_client_auth_method(ShortLivedAssertion(TOKEN_ENDPOINT))\n"
        };
        let scope = self.scope().map(|scope| format!("    scope={},\n", quoted(&scope))).unwrap_or_default();
        let (url, id) = (quoted(&self.service.at(path::TOKEN)), quoted(self.client.id.as_str()));
        format!(
            r#"{imports}from authlib.integrations.requests_client import OAuth2Session
{signer}
TOKEN_ENDPOINT = {url}
session = OAuth2Session(
    {id},
    {secret},
{scope}    token_endpoint=TOKEN_ENDPOINT,
    token_endpoint_auth_method="{method}",
)
{register}tokens = session.fetch_token(username="USERNAME", password="PASSWORD")"#
        )
    }

    /// The crate knows no assertions.
    fn oauth2(&self) -> Option<String> {
        let (imports, secret, kind) = match self.method() {
            AuthMethod::ClientSecretBasic => ("ClientSecret, ", RUST_SECRET, ""),
            AuthMethod::ClientSecretPost => {
                ("AuthType, ClientSecret, ", RUST_SECRET, "    .set_auth_type(AuthType::RequestBody)\n")
            }
            AuthMethod::None => ("", "", ""),
            AuthMethod::PrivateKeyJwt => return None,
        };
        let scopes = self.scope().unwrap_or_default();
        let added = |scope| format!("    .add_scope(Scope::new({}.to_owned()))\n", quoted(scope));
        let scopes = scopes.split_whitespace().map(added).collect::<Vec<_>>().concat();
        let scope_import = if scopes.is_empty() { "" } else { "Scope, " };
        let (url, id) = (quoted(&self.service.at(path::TOKEN)), quoted(self.client.id.as_str()));
        Some(format!(
            r#"use oauth2::basic::BasicClient;
use oauth2::{{{imports}ClientId, ResourceOwnerPassword, ResourceOwnerUsername, {scope_import}TokenUrl}};

let client = BasicClient::new(ClientId::new({id}.to_owned()))
{secret}{kind}    .set_token_uri(TokenUrl::new({url}.to_owned())?);
let http = oauth2::reqwest::Client::new();
let (username, password) = ("USERNAME".to_owned(), "PASSWORD".to_owned());
let tokens = client
    .exchange_password(&ResourceOwnerUsername::new(username), &ResourceOwnerPassword::new(password))
{scopes}    .request_async(&http)
    .await?;"#
        ))
    }

    fn method(&self) -> AuthMethod {
        self.client.authentication.method()
    }
}

const JAVASCRIPT_KEY: &str = r#"import { readFile } from "node:fs/promises";

const jwk = JSON.parse(await readFile("private.json", "utf8"));
// For RS256. An EC key has { name: "ECDSA", namedCurve: "P-256" }.
const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
"#;

/// Authlib's own assertions are valid for an hour, and the service accepts at most five minutes.
const PYTHON_SIGNER: &str = r#"from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import RSAKey


class ShortLivedAssertion(PrivateKeyJWT):
    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 60}
        return super().sign(auth, token_endpoint)

"#;

const RUST_SECRET: &str = "    .set_client_secret(ClientSecret::new(std::env::var(\"CLIENT_SECRET\")?))\n";

/// A string of JavaScript, Python and Rust alike: what it is made from is printable ASCII.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
