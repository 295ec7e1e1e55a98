//! What a request may say about its body: media type, charset, coding (RFC 9110, section 8).

use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::rig::app::TestApp;
use crate::rig::client::SECRET;
use crate::rig::request::{form, token_request};
use crate::rig::user::PASSWORD;

/// Media types as clients, proxies and gateways write them, and which of them make a form.
#[tokio::test]
async fn a_form_is_accepted_under_every_spelling_of_its_media_type_and_charset() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let app = TestApp::start().await;
    let login = form(&[("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)]);
    let send = async |media_types: &[&str], body: &str| {
        let mut request = token_request(Some(("app", SECRET)), &[]);
        *request.body_mut() = body.to_owned().into();
        request.headers_mut().remove(CONTENT_TYPE);
        for media_type in media_types {
            request.headers_mut().append(CONTENT_TYPE, HeaderValue::from_str(media_type).expect("a header"));
        }
        app.send(request).await
    };
    for parameters in [
        ";",
        "; charset=UTF-8;",
        ";;charset=utf-8",
        "; charset=utf8",
        "; charset=\"Utf-8\"",
        "; charset=iso-8859-1",
        ", application/x-www-form-urlencoded",
    ] {
        send(&[&format!("{FORM}{parameters}")], &login).await.succeeded();
    }
    send(&[FORM, FORM], &login).await.succeeded();
    for media_types in [
        &[FORM, "text/plain"][..],
        &["text/plain", FORM],
        &["application/json, application/x-www-form-urlencoded"],
        &[],
    ] {
        let answer = send(media_types, &login).await.failed(400, "invalid_request");
        assert!(answer.text("error_description").contains("media type"), "{media_types:?}");
    }
    for body in ["password=caf%C3%A9", "password=caf%E9", "caf%E9=x"] {
        let answer = send(&[&format!("{FORM}; charset=latin1")], body).await.failed(400, "invalid_request");
        assert!(answer.text("error_description").contains("charset"), "{body}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_with_the_coding_that_is_accepted() {
    let app = TestApp::start().await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    for (coding, status) in
        [("gzip", 415), ("br, identity", 415), ("deflate", 415), ("identity", 200), ("IDENTITY", 200)]
    {
        let mut request = token_request(Some(("app", SECRET)), &login);
        request.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        let answer = app.send(request).await;
        assert_eq!(answer.status, status, "{coding}");
        if status == 415 {
            assert_eq!(answer.failed(415, "invalid_request").headers["accept-encoding"], "identity");
        }
    }
}
