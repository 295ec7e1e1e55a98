//! `openapi.yaml`, against which every answer of the service is checked.

#![expect(clippy::expect_used, reason = "a document that cannot be read has failed every test")]

mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};
use jsonschema::{Registry, Validator};
use passgrant::issuer;
use serde_json::{Value, json};

use crate::rig::answer::Answer;

/// What the document is called where a schema refers to another.
const BASE: &str = "urn:passgrant:openapi";

static ROOT: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("../../../openapi.yaml")).expect("openapi.yaml is YAML"));
static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::read(&ROOT));

/// The path of the document that `path` stands for, where the issuer is at `issuer_path`.
pub(crate) fn below<'a>(issuer_path: &str, path: &'a str) -> &'a str {
    // RFC 8414, section 3.1 puts the issuer's path behind the well-known one.
    let inserted = path
        .strip_suffix(issuer_path)
        .filter(|path| [issuer::path::OAUTH_METADATA, issuer::path::OPENID_CONFIGURATION].contains(path));
    let as_it_came = Some(path).filter(|path| DOCUMENT.paths.contains_key(*path));
    as_it_came.or(inserted).or_else(|| path.strip_prefix(issuer_path)).unwrap_or(path)
}

/// Whether the document has `answer` for such a request; if not, what is wrong.
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) -> Result<(), String> {
    let status = answer.status.as_u16();
    if status == 403 && !answer.headers.contains_key(CONTENT_TYPE) {
        return DOCUMENT.past_the_front.check(method, answer);
    }
    let operations = DOCUMENT.paths.get(path);
    let response = match operations.map(|operations| operations.get(method.as_str())) {
        None => (status == 404).then_some(&DOCUMENT.not_found),
        Some(None) => (status == 405).then_some(&DOCUMENT.method_not_allowed),
        Some(Some(responses)) => responses.get(&status),
    };
    response.ok_or_else(|| format!("{status} is not documented"))?.check(method, answer)?;
    match (operations, answer.headers.get(ALLOW)) {
        (Some(operations), Some(allow)) => allows(operations, allow),
        _ => Ok(()),
    }
}

/// Whether `Allow` has the documented methods.
fn allows(operations: &Operations, allow: &HeaderValue) -> Result<(), String> {
    let documented: BTreeSet<_> = methods(operations).collect();
    let allowed: BTreeSet<_> = allow.to_str().unwrap_or_default().split(", ").collect();
    if allowed == documented { Ok(()) } else { Err(format!("it allows {allowed:?}, documented are {documented:?}")) }
}

/// The documented methods except `OPTIONS`, which only browsers use.
fn methods(operations: &Operations) -> impl Iterator<Item = &str> {
    operations.keys().map(String::as_str).filter(|method| *method != "OPTIONS")
}

/// The responses of each method of a path, by status.
type Operations = BTreeMap<String, BTreeMap<u16, Arc<Response>>>;

struct Document {
    paths: BTreeMap<String, Operations>,
    past_the_front: Arc<Response>,
    not_found: Arc<Response>,
    method_not_allowed: Arc<Response>,
}

impl Document {
    fn read(root: &Value) -> Self {
        let mut reader = Reader::new(root);
        let mut paths = BTreeMap::new();
        for path in reader.members("/paths") {
            let item = format!("/paths/{}", path.replace('/', "~1"));
            let mut operations = Operations::new();
            for method in reader.members(&item) {
                let responses = format!("{item}/{method}/responses");
                let statuses = reader.members(&responses).into_iter();
                let read = |status: String| {
                    (status.parse().expect("a status"), reader.response(&format!("{responses}/{status}")))
                };
                operations.insert(method.to_uppercase(), statuses.map(read).collect());
            }
            paths.insert(path, operations);
        }
        let past_the_front = reader.response("/components/responses/PastTheFront");
        let not_found = reader.response("/components/responses/NotFound");
        let method_not_allowed = reader.response("/components/responses/MethodNotAllowed");
        Self { paths, past_the_front, not_found, method_not_allowed }
    }
}

/// A response that is documented.
struct Response {
    headers: HashMap<HeaderName, Header>,
    /// Each media type with the schema of the body.
    content: BTreeMap<String, Validator>,
}

struct Header {
    required: bool,
    is_number: bool,
    schema: Validator,
}

impl Response {
    fn check(&self, method: &Method, answer: &Answer) -> Result<(), String> {
        for (name, header) in &self.headers {
            match answer.headers.get_all(name).iter().collect::<Vec<_>>()[..] {
                [] if !header.required => {}
                [] => return Err(format!("{name} is missing")),
                [value] => header.check(value).map_err(|problem| format!("{name}: {problem}"))?,
                _ => return Err(format!("{name} is there twice")),
            }
        }
        // What OpenAPI itself leaves to the content, and to HTTP.
        let known =
            |name: &HeaderName| [CONTENT_TYPE, CONTENT_LENGTH].contains(name) || self.headers.contains_key(name);
        if let Some(name) = answer.headers.keys().find(|name| !known(name)) {
            return Err(format!("{name} is not documented"));
        }
        self.check_body(method, answer)
    }

    fn check_body(&self, method: &Method, answer: &Answer) -> Result<(), String> {
        let Some(media_type) = answer.headers.get(CONTENT_TYPE) else {
            return if self.content.is_empty() && answer.body.is_empty() {
                Ok(())
            } else {
                Err("no media type".into())
            };
        };
        let media_type = media_type.to_str().unwrap_or_default();
        let schema = self.content.get(media_type).ok_or_else(|| format!("{media_type} is not documented"))?;
        if method == Method::HEAD {
            return if answer.body.is_empty() { Ok(()) } else { Err("HEAD has a body".into()) };
        }
        let body: Value = match media_type {
            "application/json" => serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?,
            _ => std::str::from_utf8(&answer.body).map_err(|error| error.to_string())?.into(),
        };
        schema.validate(&body).map_err(|error| format!("{error} at {}", error.instance_path()))
    }
}

impl Header {
    fn check(&self, value: &HeaderValue) -> Result<(), String> {
        let text = value.to_str().map_err(|error| error.to_string())?;
        let value = if self.is_number { text.parse::<u64>().map_or(Value::Null, Value::from) } else { text.into() };
        self.schema.validate(&value).map_err(|error| error.to_string())
    }
}

/// Follows the references of the document. What is at a place is named by a JSON pointer (RFC 6901).
struct Reader<'a> {
    root: &'a Value,
    registry: Registry<'a>,
    /// Those that were read, by where they are.
    responses: BTreeMap<String, Arc<Response>>,
}

impl<'a> Reader<'a> {
    fn new(root: &'a Value) -> Self {
        let registry =
            Registry::new().add(BASE, root).expect("a name").prepare().expect("references that lead somewhere");
        Self { root, registry, responses: BTreeMap::new() }
    }

    fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.root.pointer(pointer)
    }

    /// Where `pointer` leads in the end.
    fn target(&self, pointer: String) -> String {
        match self.at(&format!("{pointer}/$ref")).and_then(Value::as_str) {
            Some(reference) => self.target(reference.strip_prefix('#').expect("a place in the document").to_owned()),
            None => pointer,
        }
    }

    fn members(&self, pointer: &str) -> Vec<String> {
        self.at(pointer).and_then(Value::as_object).into_iter().flat_map(|object| object.keys().cloned()).collect()
    }

    fn schema(&self, pointer: &str) -> Validator {
        let options = jsonschema::draft202012::options().with_registry(&self.registry).should_validate_formats(true);
        // RFC 6901, section 6: a pointer in a URI, of which a media type may hold what a URI may not.
        let fragment = pointer.replace(' ', "%20");
        options.build(&json!({ "$ref": format!("{BASE}#{fragment}") })).expect("a schema")
    }

    fn response(&mut self, pointer: &str) -> Arc<Response> {
        let pointer = self.target(pointer.to_owned());
        if let Some(known) = self.responses.get(&pointer) {
            return Arc::clone(known);
        }
        let headers = self.members(&format!("{pointer}/headers")).into_iter();
        let headers = headers.map(|name| {
            let header = self.header(&format!("{pointer}/headers/{name}"));
            (name.parse().expect("a header"), header)
        });
        let content = self.members(&format!("{pointer}/content")).into_iter();
        let content = content.map(|media_type| {
            let schema = self.schema(&format!("{pointer}/content/{}/schema", media_type.replace('/', "~1")));
            (media_type, schema)
        });
        let response = Arc::new(Response { headers: headers.collect(), content: content.collect() });
        self.responses.insert(pointer, Arc::clone(&response));
        response
    }

    fn header(&self, pointer: &str) -> Header {
        let pointer = self.target(pointer.to_owned());
        let is = |member: &str, value: Value| self.at(&format!("{pointer}/{member}")) == Some(&value);
        Header {
            required: is("required", true.into()),
            is_number: is("schema/type", "integer".into()),
            schema: self.schema(&format!("{pointer}/schema")),
        }
    }
}
