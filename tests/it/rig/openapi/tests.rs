//! The document describes everything that the service does, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use passgrant::client::{Capability, Client};
use passgrant::form::MAX_BODY_BYTES;
use passgrant::issuer::path::{
    AUTHORIZE, HEALTH, INTROSPECT, JWKS, OAUTH_METADATA, OPENID_CONFIGURATION, REVOKE, TOKEN, USERINFO,
};
use passgrant::router;

use super::{DOCUMENT, ROOT, Reader, below, check, methods};
use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client, scope};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::request::{basic, request, token_request};
use crate::rig::user::PASSWORD;
use crate::rig::wire::{Fault, Matcher, Wire};

const PAGE: &str = "https://app.example.com";
const POSTED: [&str; 3] = [TOKEN, INTROSPECT, REVOKE];

/// A service whose key is in KMS, and the requests to it that reached a documented answer.
struct Tour {
    app: TestApp,
    key: String,
    reached: BTreeSet<(String, String, u16)>,
}

impl Tour {
    async fn start() -> Self {
        let double = KmsDouble::start().await;
        let key = double.create_key(KeySpec::Rsa2048);
        let builder = TestApp::builder().kms(double, std::slice::from_ref(&key));
        let app = builder.variable("PASSGRANT_CORS_ORIGINS", PAGE).start().await;
        let able = Client { capabilities: vec![Capability::Introspect], scopes: scope("openid read"), ..client("app") };
        app.register(able).await;
        app.create_user("ann").await;
        Self { app, key, reached: BTreeSet::new() }
    }

    fn wires(&self) -> [&Wire; 2] {
        [&self.app.dynamodb_wire, self.app.kms_wire.as_ref().expect("a wire")]
    }

    async fn login(&self, scope: &str) -> Answer {
        let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", scope)];
        self.app.token(&login).await.succeeded()
    }

    /// Sends the requests, each of which must be answered with `status`. That the answers are documented, the app checks.
    async fn see(&mut self, status: u16, requests: impl IntoIterator<Item = Request<Bytes>>) {
        for request in requests {
            let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
            let answer = self.app.send(request).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.whole());
            self.reached.insert((path, method, status));
        }
    }
}

fn with(mut request: Request<Bytes>, name: HeaderName, value: &str) -> Request<Bytes> {
    request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header"));
    request
}

fn post(path: &str, parameters: &[(&str, &str)]) -> Request<Bytes> {
    let mut request = token_request(Some(("app", SECRET)), parameters);
    *request.uri_mut() = path.parse().expect("a path");
    request
}

fn bare(methods: &[Method], paths: &[&str]) -> Vec<Request<Bytes>> {
    paths.iter().flat_map(|path| methods.iter().map(|method| request(method.clone(), path, ""))).collect()
}

fn userinfo(access_token: &str) -> impl Iterator<Item = Request<Bytes>> {
    let requests = bare(&[Method::GET, Method::HEAD, Method::POST], &[USERINFO]).into_iter();
    requests.map(move |request| with(request, AUTHORIZATION, &format!("Bearer {access_token}")))
}

/// A request to each endpoint that asks something of what is behind the service.
fn behind(tokens: &Answer) -> Vec<Request<Bytes>> {
    let token = tokens.text("access_token");
    let mut requests = vec![
        post(TOKEN, &[("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)]),
        post(INTROSPECT, &[("token", &token)]),
    ];
    requests.extend(userinfo(&token));
    requests.push(post(REVOKE, &[("token", &token)]));
    requests.extend(bare(&[Method::GET, Method::HEAD], &[JWKS, OAUTH_METADATA, OPENID_CONFIGURATION]));
    requests
}

#[tokio::test]
async fn every_documented_answer_is_given() {
    let mut tour = Tour::start().await;
    let tokens = tour.login("openid").await;
    tour.see(200, behind(&tokens)).await;
    tour.see(200, bare(&[Method::GET, Method::HEAD], &[HEALTH])).await;

    let preflights = || bare(&[Method::OPTIONS], &DOCUMENT.paths.keys().map(String::as_str).collect::<Vec<_>>());
    let asking = |request| with(with(request, ORIGIN, PAGE), ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let (refusing, allowing): (Vec<_>, Vec<_>) =
        preflights().into_iter().map(asking).partition(|request| request.uri().path() == AUTHORIZE);
    tour.see(204, allowing).await;
    tour.see(405, refusing).await;
    tour.see(405, preflights()).await;

    for accept in ["text/html", "application/json"] {
        let asked = bare(&[Method::GET, Method::HEAD, Method::POST], &[AUTHORIZE]).into_iter();
        tour.see(400, asked.map(|request| with(request, ACCEPT, accept))).await;
    }
    tour.see(400, POSTED.map(|path| post(path, &[]))).await;
    tour.see(400, [post(USERINFO, &[("access_token", "x")])]).await;
    let coded = |path| with(post(path, &[]), CONTENT_ENCODING, "gzip");
    tour.see(415, POSTED.map(coded)).await;
    tour.see(415, [coded(USERINFO)]).await;
    let asked = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x")];
    let stranger = |path| with(post(path, &asked), AUTHORIZATION, &basic("app", "wrong"));
    tour.see(401, POSTED.map(stranger)).await;
    let large = |path| post(path, &[("x", &"x".repeat(MAX_BODY_BYTES))]);
    tour.see(413, POSTED.map(large)).await;
    tour.see(413, [large(USERINFO)]).await;
    tour.see(401, bare(&[Method::GET, Method::HEAD, Method::POST], &[USERINFO])).await;
    let narrow = tour.login("read").await;
    tour.see(403, userinfo(&narrow.text("access_token"))).await;

    // A fresh instance, for the first one has asked KMS for the key already.
    let tokens = tour.login("openid").await;
    tour.app.restart_with_keys(&[&tour.key]);
    tour.wires().into_iter().for_each(|wire| wire.inject(Fault::Throttle, Matcher::any()));
    tour.see(503, behind(&tokens)).await;
    tour.wires().into_iter().for_each(Wire::clear_faults);
    tour.app.kms.as_ref().expect("a double").disable(&tour.key);
    tour.see(500, behind(&tokens)).await;

    let documented = DOCUMENT.paths.iter().flat_map(|(path, operations)| {
        let statuses = |(method, responses): (&String, &BTreeMap<u16, _>)| {
            responses.keys().map(|status| (path.clone(), method.clone(), *status)).collect::<Vec<_>>()
        };
        operations.iter().flat_map(statuses)
    });
    assert_eq!(tour.reached, documented.collect());
}

#[tokio::test]
async fn what_is_not_documented_is_refused() {
    let app = TestApp::start().await;
    let unknown = ["/", "/oauth2", "/oauth2/token/", "/oauth2/logout", "/openapi.yaml"];
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY", "get"] {
        let method = Method::from_bytes(method.as_bytes()).expect("a token");
        for path in unknown {
            assert_eq!(app.send(request(method.clone(), path, "")).await.status, 404, "{method} {path}");
        }
        for (path, operations) in &DOCUMENT.paths {
            if !operations.contains_key(method.as_str()) {
                assert_eq!(app.send(request(method.clone(), path, "")).await.status, 405, "{method} {path}");
            }
        }
    }
}

#[test]
fn the_paths_and_their_methods_are_those_of_the_router() {
    let documented: BTreeMap<_, BTreeSet<_>> =
        DOCUMENT.paths.iter().map(|(path, operations)| (path.as_str(), methods(operations).collect())).collect();
    let routed = router::paths().map(|(path, allow)| (path, allow.split(", ").collect()));
    assert_eq!(documented, routed.collect());
    assert!(DOCUMENT.paths.values().all(|operations| operations.contains_key("OPTIONS")));
}

#[test]
fn the_examples_are_what_their_schemas_say() {
    let reader = Reader::new(&ROOT);
    let mut seen = 0;
    let media_types = ["responses", "requestBodies"].into_iter().flat_map(|kind| {
        let parent = format!("/components/{kind}");
        reader.members(&parent).into_iter().map(move |name| format!("{parent}/{name}/content")).collect::<Vec<_>>()
    });
    let own = ["token", "userinfo"].map(|name| format!("/paths/~1oauth2~1{name}/post/requestBody/content"));
    for content in media_types.chain(own) {
        for media_type in reader.members(&content) {
            let place = format!("{content}/{}", media_type.replace('/', "~1"));
            let schema = reader.schema(&format!("{place}/schema"));
            for name in reader.members(&format!("{place}/examples")) {
                let example = reader.at(&format!("{place}/examples/{name}/value")).expect("an example");
                assert!(schema.is_valid(example), "{place} {name}: {:?}", schema.validate(example));
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen} examples");
}

#[tokio::test]
async fn an_answer_that_differs_from_the_document_is_noticed() {
    type Change = fn(&mut Answer);

    let app = TestApp::start().await;
    let granted = app.login().await.succeeded();
    let changes: [(&str, Change); 8] = [
        ("status", |answer| answer.status = StatusCode::CREATED),
        ("no body", |answer| answer.body = Bytes::new()),
        ("another member", |answer| answer.body = Bytes::from_static(br#"{"error":"invalid_grant","hint":"user"}"#)),
        ("media type", |answer| drop(answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html")))),
        ("no media type", |answer| drop(answer.headers.remove(CONTENT_TYPE))),
        ("a header less", |answer| drop(answer.headers.remove("cache-control"))),
        ("another value", |answer| drop(answer.headers.insert("pragma", HeaderValue::from_static("cache")))),
        ("a header more", |answer| drop(answer.headers.insert("server", HeaderValue::from_static("passgrant")))),
    ];
    assert_eq!(check(&Method::POST, TOKEN, &granted), Ok(()));
    for (name, change) in changes {
        let mut answer = granted.clone();
        change(&mut answer);
        assert!(check(&Method::POST, TOKEN, &answer).is_err(), "{name}");
    }
    assert!(check(&Method::PUT, TOKEN, &granted).is_err() && check(&Method::POST, "/nowhere", &granted).is_err());
}

#[test]
fn a_path_is_documented_below_the_issuers() {
    assert_eq!(below("", "/oauth2/token"), TOKEN);
    assert_eq!(below("/prod", "/prod/oauth2/token"), TOKEN);
    assert_eq!(below("/prod", "/oauth2/token"), TOKEN, "a front door may remove the issuer's path");
    assert_eq!(below("/prod", "/.well-known/oauth-authorization-server/prod"), OAUTH_METADATA);
    assert_eq!(below("/prod", "/.well-known/openid-configuration/prod"), OPENID_CONFIGURATION);
    assert_eq!(below("/oauth2", "/oauth2/token"), TOKEN, "as it came");
    assert_eq!(below("/oauth2", "/oauth2/oauth2/token"), TOKEN);
    assert_eq!(below("/prod", "/oauth2/token/prod"), "/oauth2/token/prod");
}
