//! A console, and a browser without scripts that has opened it.

#![expect(clippy::expect_used, clippy::panic, reason = "a page that is not as expected has failed its test")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use url::form_urlencoded::Serializer;

use crate::command::passgrant;
use crate::server::Server;

/// A console, and the browser that has entered it.
pub(crate) struct Console {
    pub(crate) address: String,
    cookie: String,
    /// Where it keeps files for a while.
    pub(crate) temporary: TempDir,
    _process: Server,
}

/// A page as it was sent.
pub(crate) struct Page {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

/// What a form is sent as.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The fields of one form.
type Fields = Vec<(String, String)>;

/// What is typed into some of them.
pub(crate) type Typed<'a> = &'a [(&'a str, &'a str)];

impl Console {
    /// A console on the folder at `data`.
    pub(crate) fn on(data: &Path, arguments: &[&str]) -> Self {
        let mut command = passgrant();
        command.arg("--data").arg(data);
        Self::of(command, arguments)
    }

    /// The console that `command` starts when it is told so.
    pub(crate) fn of(mut command: Command, arguments: &[&str]) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        command.env("TMPDIR", temporary.path()).args(["console", "--no-open", "--listen", "127.0.0.1:0"]);
        let process = Server::start(command.args(arguments));
        let url = process.address().to_owned();
        let (address, path) = url.split_once('/').expect("a path");
        let entered = ask(address, &format!("GET /{path} HTTP/1.0\r\nhost: {address}\r\n\r\n"), &[]);
        let cookie = entered.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        Self { address: address.to_owned(), cookie, temporary, _process: process }
    }

    pub(crate) fn send(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Page {
        ask(&self.address, &self.head(method, path, content_type, body.len()), body)
    }

    /// The head of a request of a page of its own, with a body of `length` bytes.
    pub(crate) fn head(&self, method: &str, path: &str, content_type: &str, length: usize) -> String {
        let Self { address, cookie, .. } = self;
        format!(
            "{method} {path} HTTP/1.0\r\nhost: {address}\r\norigin: http://{address}\r\ncookie: {cookie}\r\n\
             content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        )
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Page {
        let page = self.send("GET", path, "text/plain", &[]);
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        page
    }

    /// Sends the form of `page` that goes to `path`: what is in it, with `typed` in place of what is there.
    #[track_caller]
    pub(crate) fn submit(&self, page: &Page, path: &str, typed: Typed<'_>) -> Page {
        let mut fields = page.form(path);
        fields.retain(|(name, _)| typed.iter().all(|(other, _)| other != name));
        fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, FORM, body.as_bytes())
    }

    /// Sends a form, and says yes to what is asked then.
    #[track_caller]
    pub(crate) fn confirm(&self, page: &Page, path: &str, typed: Typed<'_>) -> Page {
        let asked = self.submit(page, path, typed);
        asked.says("The same at the command line");
        asked.says("Cancel");
        self.submit(&asked, path, &[])
    }

    /// The files that it keeps.
    pub(crate) fn kept(&self) -> Vec<String> {
        let folders = fs::read_dir(self.temporary.path()).expect("a folder");
        let files = folders.flat_map(|folder| fs::read_dir(folder.expect("an entry").path()).expect("a folder"));
        let mut names: Vec<_> =
            files.map(|file| file.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

fn ask(address: &str, head: &str, body: &[u8]) -> Page {
    let mut stream = TcpStream::connect(address).expect("the console listens");
    stream.write_all(&[head.as_bytes(), body].concat()).expect("the console reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the console answers");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Page { status, head: head.to_owned(), body: body.to_owned() }
}

impl Page {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("no {name}: {} {}", self.head, self.body)).1
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        assert!(self.has(text), "no {text:?} in {}", self.body);
    }

    /// What is between `before` and the next `after`, at each place.
    pub(crate) fn between(&self, before: &str, after: &str) -> Vec<&str> {
        self.body.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
    }

    /// What stands under a label, to be copied.
    #[track_caller]
    pub(crate) fn copied(&self, label: &str) -> String {
        let figures = self.body.split("<figcaption>").skip(1);
        let figure = figures.into_iter().find(|figure| figure.starts_with(label));
        let figure = figure.unwrap_or_else(|| panic!("no {label:?} in {}", self.body));
        let code = figure.split("<code>").nth(1).and_then(|rest| rest.split("</code>").next());
        unescaped(code.expect("what is copied"))
    }

    /// The fields of the form that is sent to `path`, as they are filled in.
    #[track_caller]
    pub(crate) fn form(&self, path: &str) -> Fields {
        let start = format!("action=\"{path}\"");
        let forms = self.body.split("<form").skip(1).filter_map(|form| form.split("</form>").next());
        let form = forms.into_iter().find(|form| form.contains(&start));
        let form = form.unwrap_or_else(|| panic!("no form for {path} in {}", self.body));
        let mut fields = Fields::new();
        let mut select = None;
        for element in form.split('<') {
            let attribute = |name: &str| {
                let rest = element.split(&format!(" {name}=\"")).nth(1)?;
                rest.split('"').next().map(unescaped)
            };
            let is = |word: &str| element.split('>').next().is_some_and(|tag| tag.ends_with(&format!(" {word}")));
            let is_box = matches!(attribute("type").as_deref(), Some("checkbox" | "radio"));
            let name = attribute("name");
            match (element.split([' ', '>']).next().unwrap_or_default(), name) {
                ("input", Some(name)) if !is_box || is("checked") => {
                    fields.push((name, attribute("value").unwrap_or_default()));
                }
                ("textarea", Some(name)) => {
                    // A line end right behind the tag is none of the text.
                    let text = element.split_once('>').map(|(_, text)| text.strip_prefix('\n').unwrap_or(text));
                    fields.push((name, text.map(unescaped).unwrap_or_default()));
                }
                ("select", name) => select = name,
                ("option", _) if is("selected") => {
                    let name = select.clone().expect("a select");
                    fields.push((name, attribute("value").unwrap_or_default()));
                }
                _ => {}
            }
        }
        fields
    }

    #[track_caller]
    pub(crate) fn value(&self, path: &str, name: &str) -> String {
        let fields = self.form(path);
        let value = fields.into_iter().find(|(field, _)| field == name).map(|(_, value)| value);
        value.unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }

    /// What is said to be wrong beside a field.
    #[track_caller]
    pub(crate) fn wrong(&self, name: &str) -> String {
        let start = format!("<p class=\"wrong\" id=\"{name}-wrong\">");
        let wrong = self.body.split(&start).nth(1).and_then(|rest| rest.split("</p>").next());
        assert!(self.has(&format!("{name}-wrong")), "the field is tied to it");
        unescaped(wrong.unwrap_or_else(|| panic!("nothing is wrong with {name}: {}", self.body)))
    }
}

fn unescaped(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
