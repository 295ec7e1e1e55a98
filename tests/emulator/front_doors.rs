//! Every front door, in its own form of request and answer.

use serde_json::{Value, json};

use crate::deployment::{Deployment, ISSUER};
use crate::event::{Answer, Event, FrontDoor};
use crate::rig::demo::{CLIENT, PASSWORD, SECRET, USER};

async fn is_granted(deployment: &mut Deployment, answer: Answer) {
    let answer = answer.succeeded();
    answer.forbids_caching();
    let body = answer.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&json!("Bearer"), &json!(3600), &json!("profile"))
    );
    assert!(body["refresh_token"].is_string());
    let claims = deployment.verified_claims(&answer.text("access_token")).await;
    assert_eq!((&claims["iss"], &claims["client_id"]), (&json!(ISSUER), &json!(CLIENT)));
    assert_eq!(claims["sub"], deployment.subject);
}

#[tokio::test]
async fn a_password_is_exchanged_for_tokens_through_every_front_door() {
    let mut deployment = Deployment::start().await;
    for front_door in FrontDoor::ALL {
        for event in [front_door.sample(), front_door.base64_sample()] {
            let answer = deployment.send(&event).await;
            is_granted(&mut deployment, answer).await;
        }
    }
    deployment.end();
}

#[tokio::test]
async fn the_samples_without_a_body_are_answered() {
    let mut deployment = Deployment::start().await;
    let healthz = deployment.send(&Event::read(FrontDoor::HttpApi, "http-api-healthz")).await.succeeded();
    assert_eq!(healthz.body, r#"{"status":"ok"}"#);
    let jwks = deployment.send(&Event::read(FrontDoor::HttpApi, "http-api-jwks")).await.succeeded();
    assert_eq!(jwks.json()["keys"].as_array().map(Vec::len), Some(1));
    deployment.end();
}

#[tokio::test]
async fn a_stage_in_the_path_is_ignored() {
    let mut deployment = Deployment::start().await;
    for (stage, path) in
        [("prod", "/prod/oauth2/token"), ("oauth2", "/oauth2/oauth2/token"), ("oauth2", "/oauth2/token")]
    {
        let mut event = FrontDoor::HttpApi.sample().path(path);
        event.json["requestContext"]["stage"] = json!(stage);
        let answer = deployment.send(&event).await;
        is_granted(&mut deployment, answer).await;
    }
    deployment.end();
}

/// A target group sends one map of headers or the other, and this is the other.
#[tokio::test]
async fn a_load_balancer_may_send_only_multi_value_headers() {
    let mut deployment = Deployment::start().await;
    let answer = deployment.send(&FrontDoor::Alb.sample().with_multi_value_headers_only()).await;
    is_granted(&mut deployment, answer).await;
    deployment.end();
}

#[tokio::test]
async fn two_values_of_a_header_stay_two() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let mut deployment = Deployment::start().await;
    for sample in [FrontDoor::RestApi.sample(), FrontDoor::Alb.sample().with_multi_value_headers_only()] {
        let authorization = sample.json["multiValueHeaders"].as_object().and_then(|headers| {
            headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
                .map(|(_, values)| values[0].clone())
        });
        let right = authorization.as_ref().and_then(Value::as_str).expect("an authorization");
        for (name, values) in [
            ("authorization", ["Basic eDp4", right]),
            ("authorization", [right, "Basic eDp4"]),
            ("content-type", ["application/json", FORM]),
            ("content-type", [FORM, "application/json"]),
        ] {
            deployment.send(&sample.clone().header_values(name, &values)).await.failed(400, "invalid_request");
        }
        let answer = deployment.send(&sample.header_values("content-type", &[FORM, FORM])).await;
        is_granted(&mut deployment, answer).await;
    }
    deployment.end();
}

#[tokio::test]
async fn a_person_at_the_authorization_endpoint_gets_a_page() {
    let mut deployment = Deployment::start().await;
    for front_door in FrontDoor::ALL {
        let asks = |accept| front_door.get("/oauth2/authorize").header("accept", accept);
        let page = deployment.send(&asks("text/html")).await;
        assert_eq!((page.status, page.header("content-type")), (400, "text/html; charset=utf-8"), "{front_door:?}");
        assert!(page.body.starts_with("<!doctype html>") && !page.headers.contains_key("location"), "{page:?}");
        deployment.send(&asks("application/json")).await.failed(400, "unsupported_response_type");
    }
    deployment.end();
}

#[tokio::test]
async fn an_answer_without_a_body_keeps_its_headers() {
    let mut deployment = Deployment::start().await;
    for front_door in FrontDoor::ALL {
        for path in
            ["/healthz", "/oauth2/jwks", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
        {
            let got = deployment.send(&front_door.get(path)).await.succeeded();
            let mut head = deployment.send(&front_door.request("HEAD", path)).await.succeeded();
            assert_eq!(head.body, "", "{front_door:?} {path}");
            head.headers.insert("x-request-id".to_owned(), got.header("x-request-id").to_owned());
            assert_eq!(head.headers, got.headers, "{front_door:?} {path}");
        }
    }
    deployment.end();
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_headers() {
    let mut deployment = Deployment::start().await;
    deployment.keep_secret("not-the-secret");
    for front_door in FrontDoor::ALL {
        deployment.send(&front_door.get("/nothing")).await.failed(404, "invalid_request");
        let refused = deployment.send(&front_door.get("/oauth2/token")).await.failed(405, "invalid_request");
        assert_eq!(refused.header("allow"), "POST", "{front_door:?}");
        let refused = deployment.send(&front_door.sample().path("/healthz")).await.failed(405, "invalid_request");
        assert_eq!(refused.header("allow"), "GET, HEAD", "{front_door:?}");

        let stranger = front_door.sample().basic(CLIENT, "not-the-secret");
        let refused = deployment.send(&stranger).await.failed(401, "invalid_client");
        assert!(refused.header("www-authenticate").starts_with("Basic realm="), "{front_door:?}");
    }
    deployment.end();
}

#[tokio::test]
async fn a_preflight_request_and_the_request_after_it_are_answered() {
    const ORIGIN: &str = "https://app.example.com";
    let mut deployment = Deployment::builder().variable("PASSGRANT_CORS_ORIGINS", ORIGIN).start().await;
    for front_door in FrontDoor::ALL {
        let asks = |origin| {
            let event = front_door.request("OPTIONS", "/oauth2/token").header("origin", origin);
            event.header("access-control-request-method", "POST")
        };
        let allowed = deployment.send(&asks(ORIGIN)).await;
        assert_eq!((allowed.status, allowed.body.as_str()), (204, ""), "{front_door:?}");
        assert_eq!(allowed.header("access-control-allow-origin"), ORIGIN);
        assert_eq!(allowed.header("access-control-allow-methods"), "POST");
        let refused = deployment.send(&asks("https://other.example.com")).await.failed(405, "invalid_request");
        assert!(!refused.headers.contains_key("access-control-allow-origin"), "{front_door:?}");
        let granted = deployment.send(&front_door.sample().header("origin", ORIGIN)).await.succeeded();
        assert_eq!(granted.header("access-control-allow-origin"), ORIGIN);
    }
    deployment.end();
}

#[tokio::test]
async fn credentials_in_a_query_string_are_not_seen() {
    let mut deployment = Deployment::start().await;
    let query =
        format!("grant_type=password&username={USER}&password={PASSWORD}&client_id={CLIENT}&client_secret={SECRET}");
    let parameters: Value =
        url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), json!(value))).collect();
    for front_door in FrontDoor::ALL {
        let mut event = front_door.sample().body("");
        match front_door {
            FrontDoor::HttpApi | FrontDoor::FunctionUrl => event.json["rawQueryString"] = json!(query),
            FrontDoor::RestApi | FrontDoor::Alb => {}
        }
        event.json["queryStringParameters"] = parameters.clone();
        deployment.send(&event).await.failed(400, "invalid_request");
    }
    deployment.end();
}
