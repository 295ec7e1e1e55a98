//! Requests as the front doors put them into events, and the answers they read.

#![expect(clippy::expect_used, clippy::panic, reason = "an event that cannot be read fails the test it serves")]

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// What invokes the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrontDoor {
    /// API Gateway's HTTP API, payload 2.0.
    HttpApi,
    /// API Gateway's REST API, payload 1.0.
    RestApi,
    FunctionUrl,
    /// An application load balancer, whose target group has multi-value headers switched off.
    Alb,
}

impl FrontDoor {
    pub(crate) const ALL: [Self; 4] = [Self::HttpApi, Self::RestApi, Self::FunctionUrl, Self::Alb];

    /// The password request of `events/`.
    pub(crate) fn sample(self) -> Event {
        Event::read(self, self.name())
    }

    /// The same, its body encoded.
    pub(crate) fn base64_sample(self) -> Event {
        Event::read(self, &format!("{}-base64", self.name()))
    }

    /// A token request of the samples' client.
    pub(crate) fn token(self, parameters: &[(&str, &str)]) -> Event {
        self.sample().form(parameters)
    }

    /// A request without a body and without a client.
    pub(crate) fn request(self, method: &str, path: &str) -> Event {
        let mut event = self.sample().method(method).path(path);
        for name in ["authorization", "content-type", "content-length"] {
            event = event.without_header(name);
        }
        event.json["body"] = Value::Null;
        event
    }

    pub(crate) fn get(self, path: &str) -> Event {
        self.request("GET", path)
    }

    fn name(self) -> &'static str {
        match self {
            Self::HttpApi => "http-api",
            Self::RestApi => "rest-api",
            Self::FunctionUrl => "function-url",
            Self::Alb => "alb",
        }
    }
}

/// A request in its front door's form.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) front_door: FrontDoor,
    pub(crate) json: Value,
}

impl Event {
    /// Reads `NAME.json` of `events/`.
    pub(crate) fn read(front_door: FrontDoor, name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(name).with_extension("json");
        let json = serde_json::from_slice(&fs::read(path).expect("a sample")).expect("a JSON sample");
        Self { front_door, json }
    }

    fn method(mut self, method: &str) -> Self {
        match self.front_door {
            FrontDoor::HttpApi | FrontDoor::FunctionUrl => {
                self.json["requestContext"]["http"]["method"] = json!(method);
            }
            FrontDoor::RestApi => {
                self.json["httpMethod"] = json!(method);
                self.json["requestContext"]["httpMethod"] = json!(method);
            }
            FrontDoor::Alb => self.json["httpMethod"] = json!(method),
        }
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        match self.front_door {
            FrontDoor::HttpApi | FrontDoor::FunctionUrl => {
                self.json["rawPath"] = json!(path);
                self.json["requestContext"]["http"]["path"] = json!(path);
            }
            FrontDoor::RestApi => {
                self.json["path"] = json!(path);
                self.json["requestContext"]["path"] = json!(format!("/prod{path}"));
            }
            FrontDoor::Alb => self.json["path"] = json!(path),
        }
        self
    }

    /// Sets a header, in each map of headers that the event has.
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.header_values(name, &[value])
    }

    /// Sets a header that came several times; a map with room for only one value holds the last one.
    pub(crate) fn header_values(self, name: &str, values: &[&str]) -> Self {
        let mut event = self.without_header(name);
        event.each_headers(|headers, multiple| {
            headers.insert(name.to_owned(), if multiple { json!(values) } else { json!(values.last()) });
        });
        event
    }

    /// The same from a load balancer whose target group has multi-value headers switched on.
    pub(crate) fn with_multi_value_headers_only(mut self) -> Self {
        let headers = self.json["headers"].take();
        let headers = headers.as_object().expect("headers").iter();
        self.json["multiValueHeaders"] = headers.map(|(name, value)| (name.clone(), json!([value]))).collect();
        let members = self.json.as_object_mut().expect("an event");
        members.remove("headers");
        members.remove("queryStringParameters");
        members.insert("multiValueQueryStringParameters".to_owned(), json!({}));
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.each_headers(|headers, _| headers.retain(|known, _| !known.eq_ignore_ascii_case(name)));
        self
    }

    fn each_headers(&mut self, change: impl Fn(&mut Map<String, Value>, bool)) {
        for (member, multiple) in [("headers", false), ("multiValueHeaders", true)] {
            if let Some(headers) = self.json.get_mut(member).and_then(Value::as_object_mut) {
                change(headers, multiple);
            }
        }
    }

    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        self.header("authorization", &format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
    }

    pub(crate) fn form(self, parameters: &[(&str, &str)]) -> Self {
        self.body(&url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish())
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.json["body"] = json!(body);
        self.json["isBase64Encoded"] = json!(false);
        self
    }

    /// A body that is said to be base64, whatever it is.
    pub(crate) fn said_to_be_base64(mut self, body: &str) -> Self {
        self.json["body"] = json!(body);
        self.json["isBase64Encoded"] = json!(true);
        self
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}", self.front_door, self.json)
    }
}

/// An answer, as the front door that gets it hands it on.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// Reads an answer in the form of `front_door`.
    pub(crate) fn read(front_door: FrontDoor, json: &Value) -> Self {
        let status = json["statusCode"].as_u64().unwrap_or_else(|| panic!("not an answer: {json}"));
        assert_eq!(json["isBase64Encoded"], false, "{json}");
        let headers = match front_door {
            FrontDoor::HttpApi | FrontDoor::FunctionUrl => single_headers(json),
            FrontDoor::RestApi => multi_value_headers(json),
            FrontDoor::Alb => {
                let description = json["statusDescription"].as_str().expect("a status description");
                assert!(description.starts_with(&format!("{status} ")), "{json}");
                // It reads the map that its target group is set to, and ignores the other.
                assert_eq!(single_headers(json), multi_value_headers(json));
                single_headers(json)
            }
        };
        let body = json.get("body").filter(|body| !body.is_null());
        let body = body.map_or_else(String::new, |body| body.as_str().expect("a body of text").to_owned());
        Self { status, headers, body }
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no {member} in {self:?}")).to_owned()
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.status, 200, "{self:?}");
        self
    }

    /// Checks that it is an error of the contract.
    #[track_caller]
    pub(crate) fn failed(self, status: u64, error: &str) -> Self {
        assert_eq!((self.status, self.text("error").as_str()), (status, error), "{self:?}");
        self.forbids_caching();
        self
    }

    #[track_caller]
    pub(crate) fn was_unavailable(self) -> Self {
        let answer = self.failed(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").parse::<u64>().is_ok(), "{answer:?}");
        answer
    }

    /// Checks the headers of every answer that must not be cached.
    #[track_caller]
    pub(crate) fn forbids_caching(&self) {
        for (name, value) in [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("pragma", "no-cache"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(self.header(name), value, "{self:?}");
        }
    }
}

fn single_headers(json: &Value) -> BTreeMap<String, String> {
    let headers = json["headers"].as_object().unwrap_or_else(|| panic!("no headers in {json}"));
    headers.iter().map(|(name, value)| (name.clone(), value.as_str().expect("a value").to_owned())).collect()
}

fn multi_value_headers(json: &Value) -> BTreeMap<String, String> {
    let headers = json["multiValueHeaders"].as_object().unwrap_or_else(|| panic!("no headers in {json}"));
    let one = |values: &Value| match values.as_array().map(Vec::as_slice) {
        Some([Value::String(value)]) => value.clone(),
        _ => panic!("not one value: {values}"),
    };
    headers.iter().map(|(name, values)| (name.clone(), one(values))).collect()
}
