//! Who gets in at `passgrant console`: the one browser that opened the one-time address, and nobody else.

#![expect(clippy::expect_used, reason = "a test without its console has failed")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io::BufRead as _, io::BufReader, thread};

use crate::command::{On, passgrant, run};
use crate::console::Console;
use crate::http::{Answer, answers};
use crate::server::used_folder;

const REFUSED: u16 = 403;

/// What ends the console.
const END: &str = "/end";

/// What every answer has, in lower case.
const HEADERS: [&str; 8] = [
    "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy: same-origin",
    "x-content-type-options: nosniff",
    "x-frame-options: deny",
    "cross-origin-opener-policy: same-origin",
    "cross-origin-resource-policy: same-origin",
    "permissions-policy: clipboard-write=(self)",
    "cache-control: no-",
];

/// Pages that are there in every console.
const PAGES: [&str; 2] = ["/", "/keys"];

/// Runs `test` on a console whose folder nobody else uses.
fn with(arguments: &[&str], test: impl FnOnce(Console)) {
    let folder = used_folder();
    test(Console::on(folder.path(), arguments));
}

fn refuses(answer: &Answer) {
    assert_eq!((answer.status, &answer.cookie), (REFUSED, &None), "{answer:?}");
    assert!(answer.body.contains("<title>Refused - Passgrant</title>"), "{answer:?}");
    assert!(!answer.body.contains("form_token"), "{answer:?}");
}

#[test]
fn it_listens_on_loopback_addresses_only() {
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0", "[::ffff:127.0.0.1]:0", "example.com:80"] {
        let message = run(passgrant().args(["console", "--no-open", "--listen", address])).misused();
        assert!(message.contains("127.0.0.1:0"), "{message}");
    }
}

#[test]
fn the_one_time_address_is_spent_by_the_first_who_opens_it() {
    with(&[], |console| {
        let first = console.get(&console.entrance, "");
        let cookie = first.cookie.as_deref().expect("a cookie");
        let port = console.address.rsplit_once(':').expect("a port").1;
        assert!(cookie.starts_with(&format!("passgrant-console-{port}=")), "{cookie}");
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
        assert!(first.head.contains("\r\nrefresh: 0; url=/"), "{first:?}");
        refuses(&console.get(&console.entrance, ""));
        let pair = cookie.split(';').next().expect("a pair");
        refuses(&console.get(&console.entrance, &format!("cookie: {pair}\r\n")));
        assert_eq!(console.get("/", &format!("cookie: {pair}\r\n")).status, 200);
    });
}

#[test]
fn what_nobody_has_opened_does_not_spend_the_one_time_address() {
    with(&[], |console| {
        refuses(&console.get("/enter/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""));
        refuses(&console.get(&format!("{}A", console.entrance), ""));
        assert_eq!(console.get("/enter/", "").status, 404);
        let head = console.ask("HEAD", &console.entrance, "", "");
        assert_eq!((head.status, head.cookie), (405, None));
        for headers in [
            "sec-purpose: prefetch\r\n",
            "sec-purpose: prefetch;prerender\r\nsec-fetch-dest: document\r\n",
            "sec-fetch-dest: iframe\r\n",
            "sec-fetch-dest: image\r\nsec-fetch-site: cross-site\r\n",
            "sec-fetch-dest: empty\r\n",
        ] {
            refuses(&console.get(&console.entrance, headers));
        }
        refuses(&console.ask_raw("GET", &console.entrance, "host: rebound.example\r\n", ""));
        refuses(&console.ask("POST", &console.entrance, "", ""));
        let followed = "sec-fetch-site: cross-site\r\nsec-fetch-dest: document\r\nsec-fetch-mode: navigate\r\n";
        assert!(console.get(&console.entrance, followed).cookie.is_some(), "a link in a mail, or the file");
    });
}

#[test]
fn without_the_cookie_there_is_nothing_to_see() {
    with(&[], |console| {
        refuses(&console.get("/", ""));
        let cookie = console.enter();
        let value = cookie.trim_end().rsplit_once('=').expect("a value").1;
        let port = console.address.rsplit_once(':').expect("a port").1;
        for stranger in [
            String::new(),
            format!("cookie: passgrant-console-{port}=\r\n"),
            format!("cookie: passgrant-console-{port}={}\r\n", &value[1..]),
            format!("cookie: passgrant-console-1={value}\r\n"),
            format!("cookie: {value}\r\n"),
            format!("authorization: Bearer {value}\r\n"),
        ] {
            for page in PAGES.into_iter().chain(["/clients", "/users", "/nowhere"]) {
                refuses(&console.get(page, &stranger));
                refuses(&console.post(page, &stranger, &[]));
            }
        }
        for page in PAGES {
            assert_eq!(console.get(page, &cookie).status, 200);
        }
    });
}

#[test]
fn the_cookie_of_another_console_opens_nothing() {
    let folder = used_folder();
    let other = used_folder();
    let (console, other) = (Console::on(folder.path(), &[]), Console::on(other.path(), &[]));
    let (cookie, foreign) = (console.enter(), other.enter());
    refuses(&console.get("/", &foreign));
    let value = foreign.trim_end().rsplit_once('=').expect("a value").1;
    let (name, _) = cookie.rsplit_once('=').expect("a name");
    refuses(&console.get("/", &format!("{name}={value}\r\n")));
    let both = format!("{}; {}", foreign.trim_end(), cookie.trim_start_matches("cookie: "));
    assert_eq!(console.get("/", &both).status, 200, "a browser sends those of all ports");
}

#[test]
fn a_request_for_another_host_is_refused() {
    with(&[], |console| {
        let cookie = console.enter();
        let address = &console.address;
        let port = address.rsplit_once(':').expect("a port").1;
        for hosts in [
            String::new(),
            "host: rebound.example\r\n".to_owned(),
            format!("host: rebound.example:{port}\r\n"),
            format!("host: localhost:{port}\r\n"),
            "host: 127.0.0.1\r\n".to_owned(),
            format!("host: {address}.rebound.example\r\n"),
            format!("host: {address}\r\nhost: {address}\r\n"),
            format!("host: {address}\r\nhost: rebound.example\r\n"),
            format!("x-forwarded-host: {address}\r\nhost: rebound.example\r\n"),
        ] {
            refuses(&console.ask_raw("GET", "/", &format!("{hosts}{cookie}"), ""));
        }
        let elsewhere = format!("http://rebound.example:{port}/");
        refuses(&console.get(&elsewhere, &cookie));
        assert_eq!(console.get(&format!("http://{address}/"), &cookie).status, 200);
    });
}

#[test]
fn a_request_of_another_page_is_refused_even_with_the_cookie() {
    with(&[], |console| {
        let cookie = console.enter();
        let own = format!("origin: http://{}\r\n", console.address);
        for origin in [
            "origin: null\r\n".to_owned(),
            "origin: http://127.0.0.1\r\n".to_owned(),
            "origin: http://127.0.0.1:1\r\n".to_owned(),
            format!("origin: https://{}\r\n", console.address),
            format!("origin: http://{}.example\r\n", console.address),
            "origin: https://attacker.example\r\n".to_owned(),
            format!("{own}{own}"),
            "origin: \r\n".to_owned(),
        ] {
            for method in ["GET", "HEAD", "POST", "OPTIONS", "PUT"] {
                let answer = console.ask(method, "/keys", &format!("{cookie}{origin}"), "");
                assert_eq!(answer.status, REFUSED, "{method} {origin}: {answer:?}");
                assert!(!answer.head.contains("access-control-"), "{answer:?}");
            }
        }
        for method in ["POST", "OPTIONS", "PUT", "DELETE", "PATCH"] {
            let answer = console.ask(method, "/keys", &cookie, "");
            assert_eq!(answer.status, REFUSED, "{method} without an origin: {answer:?}");
        }
        for site in ["same-site", "cross-site", "", "same-origin\r\nsec-fetch-site: same-origin"] {
            let answer = console.get("/", &format!("{cookie}sec-fetch-site: {site}\r\n"));
            assert_eq!(answer.status, REFUSED, "{site:?}");
            let answer = console.ask("POST", "/keys", &format!("{cookie}{own}sec-fetch-site: {site}\r\n"), "");
            assert_eq!(answer.status, REFUSED, "{site:?}");
        }
        for site in ["same-origin", "none"] {
            assert_eq!(console.get("/", &format!("{cookie}sec-fetch-site: {site}\r\n")).status, 200);
        }
    });
}

#[test]
fn every_answer_has_the_headers_and_leads_to_no_other_host() {
    with(&[], |console| {
        let entrance = console.get(&console.entrance, "");
        let cookie = format!("cookie: {}\r\n", entrance.cookie.clone().expect("a cookie"));
        let mut seen = vec![entrance, console.get("/", ""), console.get("/nowhere", &cookie)];
        seen.push(console.ask("HEAD", "/", &cookie, ""));
        seen.push(console.ask("HEAD", &console.entrance, "", ""));
        seen.push(console.post("/", &cookie, &[]));
        let pages: Vec<_> = PAGES.into_iter().chain(["/clients", "/users", "/try"]).collect();
        seen.extend(pages.into_iter().map(|page| console.get(page, &cookie)));
        let style =
            seen[0].body.split('"').find(|word| word.starts_with("/assets/console")).expect("a stylesheet").to_owned();
        let script =
            seen[0].body.split('"').find(|word| word.starts_with("/assets/clipboard")).expect("a script").to_owned();
        seen.extend([console.get(&style, ""), console.get(&script, "")]);
        for answer in &seen {
            for header in HEADERS {
                assert_eq!(answer.head.matches(header).count(), 1, "{header}: {answer:?}");
            }
            assert!(!answer.head.contains("access-control-") && !answer.head.contains("\r\nserver:"), "{answer:?}");
        }
        // The script of the library names the places of its documentation; no page does.
        for answer in seen.iter().filter(|answer| answer.head.contains("text/html")) {
            for attribute in ["href=\"", "src=\"", "action=\"", "srcset=\"", "data=\"", "poster=\""] {
                for address in answer.body.split(attribute).skip(1) {
                    let is_own = (address.starts_with('/') && !address.starts_with("//")) || address.starts_with('#');
                    assert!(is_own, "{attribute}{}", address.split('"').next().unwrap_or_default());
                }
            }
            for inline in [" style=\"", " onclick=\"", "<style", "<script>", "javascript:"] {
                assert!(!answer.body.contains(inline), "{inline}");
            }
        }
        assert!(!seen.iter().any(|answer| answer.head.contains("text/css") && answer.body.contains("url(")));
    });
}

#[test]
fn no_secret_is_in_the_log_or_in_an_address_but_the_one_that_is_spent() {
    with(&[], |console| {
        let cookie = console.enter();
        let secret = cookie.trim_end().rsplit_once('=').expect("a value").1.to_owned();
        let entrance = console.entrance.clone();
        let page = console.get("/", &cookie);
        assert!(!page.body.contains(&secret) && !page.body.contains(&entrance), "{page:?}");
        refuses(&console.get(&entrance, ""));
        console.signal("TERM");
        let (status, log) = console.wait();
        assert!(status.success(), "{log}");
        assert_eq!(log, "");
    });
}

#[test]
fn a_page_that_nobody_uses_ends_by_itself() {
    with(&["--idle-end", "1s"], |console| {
        let (status, log) = console.wait();
        assert!(status.success());
        assert_eq!(log, "warning: nobody has opened the address for 1s: the console has ended\n");
    });
    with(&["--idle-end", "5s"], |console| {
        console.enter();
        let (status, log) = console.wait();
        assert!(status.success());
        assert_eq!(log, "warning: nobody has used the console for 5s: it has ended\n");
    });
    for time in ["31m", "999ms", "0s", "soon"] {
        run(passgrant().args(["console", "--no-open", "--idle-end", time])).misused();
    }
}

#[test]
fn a_form_is_read_only_with_its_own_token_and_up_to_a_limit() {
    with(&[], |console| {
        let cookie = console.enter();
        let forms = forms(&console.get("/clients/new", &cookie).body);
        let (path, fields) = forms.first().expect("a form");
        let token = fields.iter().find(|(name, _)| name == "form_token").expect("a token").1.as_str();
        let refused = |answer: Answer| {
            assert_eq!(answer.status, REFUSED, "{answer:?}");
            assert!(answer.body.contains("The form is none of this page"), "{answer:?}");
        };
        refused(console.post(path, &cookie, &[]));
        refused(console.post(path, &cookie, &[("form_token", "")]));
        refused(console.post(path, &cookie, &[("form_token", &token[1..])]));
        refused(console.post("/clients/delete", &cookie, &[("form_token", token)]));
        let large = "x".repeat(3 * 1024 * 1024);
        let answer = console.post(path, &cookie, &[("form_token", token), ("note", large.as_str())]);
        assert_eq!(answer.status, 413, "{answer:?}");
    });
}

/// The forms of a page that are posted: where to, and what a browser sends if nothing is typed.
fn forms(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let forms = page.split("<form ").skip(1).filter_map(|form| form.split("</form>").next());
    let posted = forms.filter(|form| form.starts_with("method=\"post\""));
    posted.map(|form| (attribute(form, "action").expect("an address"), fields(form))).collect()
}

fn fields(form: &str) -> Vec<(String, String)> {
    let (mut fields, mut select) = (Vec::new(), String::new());
    for tag in form.split('<') {
        let name = attribute(tag, "name").unwrap_or_default();
        let is_choice = ["checkbox", "radio"].contains(&attribute(tag, "type").unwrap_or_default().as_str());
        let value = attribute(tag, "value").unwrap_or_default();
        match tag.split(' ').next() {
            Some("input") if !is_choice || tag.contains(" checked") => fields.push((name, value)),
            Some("textarea") => fields.push((name, String::new())),
            Some("select") => select = name,
            Some("option") if tag.contains(" selected") => fields.push((select.clone(), value)),
            _ => {}
        }
    }
    fields
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!("{name}=\""))?.1.split('"').next()?;
    Some(value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

/// The pages on which somebody changes something.
const CHANGING: [&str; 16] = [
    "/",
    "/keys",
    "/keys/create",
    "/keys/import",
    "/clients",
    "/clients/new",
    "/clients/one?id=web",
    "/clients/change?id=web",
    "/clients/secret?id=web",
    "/users",
    "/users/new",
    "/users/user?name=ann",
    "/users/edit?name=ann",
    "/users/password?name=ann",
    "/users/sessions?name=ann",
    "/users/import",
];

#[test]
fn a_console_that_only_reads_refuses_every_form_that_changes_something() {
    let folder = used_folder();
    let on = On(folder.path());
    on.run(&["client", "create", "web", "--scope", "orders"]).ok();
    on.run_with(&["user", "create", "ann", "--password-stdin"], "correct horse").ok();
    let tables = || {
        [
            on.json(&["client", "show", "web"]),
            on.json(&["client", "list"]),
            on.json(&["user", "show", "ann"]),
            on.json(&["user", "list"]),
        ]
    };
    let before = tables();
    let (console, other) = (Console::on(folder.path(), &["--read-only"]), Console::on(folder.path(), &[]));
    let (cookie, others) = (console.enter(), other.enter());
    let typed = [
        ("id", "intruder"),
        ("username", "intruder"),
        ("scope", "stolen"),
        ("password", "another horse"),
        ("again", "another horse"),
    ];
    let (mut sent, mut refused) = (0, 0);
    for page in CHANGING {
        // A form that this console does not show is sent as another one has it.
        let shown = forms(&console.get(page, &cookie).body);
        let theirs = forms(&other.get(page, &others).body);
        for (path, theirs) in theirs.into_iter().filter(|(path, _)| path != END) {
            let own = shown.iter().find(|(known, _)| *known == path).map(|(_, own)| own);
            let mut fields: Vec<_> =
                own.unwrap_or(&theirs).iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            for (name, value) in &mut fields {
                // Something is different, so that there is something to refuse.
                if value.is_empty() || *name == "scope" {
                    *value = typed.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text);
                }
            }
            fields.extend([("confirmed", "yes"), ("do", "save")]);
            let answer = console.post(&path, &cookie, &fields);
            assert!(!answer.body.contains("class=\"success\""), "{page}, {path}, {fields:?}: {answer:?}");
            refused += usize::from(answer.body.contains("started with --read-only"));
            sent += 1;
        }
    }
    assert!(sent > 5 && refused > 1, "{sent}, {refused}");
    assert_eq!(tables(), before);
}

#[test]
fn connections_that_send_nothing_do_not_keep_the_others_out() {
    with(&[], |console| {
        let cookie = console.enter();
        let idle: Vec<_> = (0..80).map(|_| TcpStream::connect(&console.address).expect("it listens")).collect();
        assert_eq!(console.get("/", &cookie).status, 200, "those that send no request are closed");
        drop(idle);
        let many = format!("GET / HTTP/1.1\r\nhost: {}\r\nx: {}\r\n\r\n", console.address, "x".repeat(100_000));
        assert_eq!(answers(&console.address, many.as_bytes()).0, [431]);
    });
}

#[test]
fn a_signal_ends_the_console_though_a_browser_holds_connections_open() {
    for signal in ["INT", "TERM", "HUP"] {
        with(&[], |console| {
            let mut held = TcpStream::connect(&console.address).expect("it listens");
            write!(held, "GET / HTTP/1.1\r\nhost: {}\r\n\r\n", console.address).expect("it reads");
            held.read_exact(&mut [0; 9]).expect("an answer");
            let start = Instant::now();
            console.signal(signal);
            let (status, log) = console.wait();
            assert!(status.success() && log.is_empty(), "{log}");
            assert!(start.elapsed() < Duration::from_secs(4), "it waits for requests, not for connections");
        });
    }
}

#[test]
fn the_console_is_ended_on_the_page_by_its_own_form_only_whether_or_not_it_may_change_anything() {
    for arguments in [&[][..], &["--read-only"]] {
        with(arguments, |console| {
            let cookie = console.enter();
            let overview = console.get("/", &cookie);
            let fields = forms(&overview.body).into_iter().find(|(path, _)| path == END).expect("a form").1;
            assert_eq!(console.get(END, &cookie).status, 405);
            assert_eq!(console.post(END, &cookie, &[]).status, REFUSED, "without the token of the form");
            refuses(&console.post(END, "", &[("form_token", fields[0].1.as_str())]));
            assert_eq!(console.get("/", &cookie).status, 200, "it goes on");
            let mut held = TcpStream::connect(&console.address).expect("it listens");
            write!(held, "GET / HTTP/1.1\r\nhost: {}\r\n\r\n", console.address).expect("it reads");
            held.read_exact(&mut [0; 9]).expect("an answer");

            let ended = console.post(END, &cookie, &[("form_token", fields[0].1.as_str())]);
            assert_eq!(ended.status, 200, "{ended:?}");
            assert!(ended.body.contains("<h1>The console has ended</h1>"), "{ended:?}");
            assert!(!ended.body.contains("href=\"/\""), "nothing is there any more: {ended:?}");
            let address = console.address.clone();
            let (status, log) = console.wait();
            assert!(status.success() && log.is_empty(), "{log}");
            assert!(TcpStream::connect(address).is_err(), "nobody listens");
        });
    }
}

#[test]
fn what_is_refused_is_a_page_like_the_others_whoever_refuses_it() {
    let folder = used_folder();
    let console = Console::on(folder.path(), &["--read-only"]);
    let place = format!("the data folder {}", folder.path().display());
    let cookie = console.enter();
    for (method, path, status, title, said) in [
        ("GET", "/nowhere", 404, "Not found", "There is no such page."),
        ("GET", "/clients/one?id=gone", 404, "No such client", "There is no client gone."),
        ("GET", "/clients/change?id=gone", 404, "No such client", "There is no client gone."),
        ("GET", "/clients/one", 400, "That did not work", "missing field `id`."),
        ("GET", "/users?after=%FF%00", 400, "That did not work", "."),
        ("DELETE", "/clients", 405, "That did not work", "This address is not for requests of this kind."),
        ("POST", "/keys", 405, "That did not work", "This address is not for requests of this kind."),
        ("POST", "/clients/delete", 403, "Refused", "The form is none of this page\u{2019}s"),
        ("POST", "/users/import", 400, "That did not work", "."),
    ] {
        let own = format!("{cookie}origin: http://{}\r\n", console.address);
        let answer = console.ask(method, path, &own, "");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(answer.head.contains("content-type: text/html; charset=utf-8"), "{method} {path}: {answer:?}");
        let body = answer.body.replace('\'', "\u{2019}");
        for part in [&format!("<h1>{title}</h1>"), said, &place, "read only", "href=\"/\"", "role=\"alert\""] {
            assert!(body.contains(part), "{method} {path}, {part}: {body}");
        }
        assert_eq!(path.starts_with("/clients"), body.contains("To the clients"), "{path}");
    }
    let allowed = console.ask("DELETE", "/clients", &format!("{cookie}origin: http://{}\r\n", console.address), "");
    assert!(allowed.head.contains("allow: get"), "{allowed:?}");
    // Who has not entered does not learn what it works on.
    for stranger in [console.get("/", ""), console.get(&console.entrance, ""), console.get("/nowhere", "")] {
        refuses(&stranger);
        assert!(!stranger.body.contains(&place) && !stranger.body.contains("read only"), "{stranger:?}");
    }
}

/// A program that opens files as a desktop does: it says which one it was given.
fn opener(folder: &Path) -> PathBuf {
    let opened = folder.join("opened");
    let program = folder.join("xdg-open");
    let script = format!("#!/bin/sh\necho \"$1\" >'{0}.new'\nmv '{0}.new' '{0}'\n", opened.display());
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("made executable");
    opened
}

#[test]
fn the_file_that_opens_the_browser_is_its_owners_and_gone_once_it_has_led_there() {
    let folder = used_folder();
    let place = tempfile::tempdir().expect("a folder");
    let opened = opener(place.path());
    let mut command = passgrant();
    command.env("PATH", format!("{}:/usr/bin:/bin", place.path().display())).env("TMPDIR", place.path());
    command.arg("--data").arg(folder.path()).arg("console").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("passgrant starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("UTF-8"));
    let url =
        lines.into_iter().find_map(|line| Some(line.trim().strip_prefix("http://")?.to_owned())).expect("an address");
    crate::server::await_file(&opened);
    let file = PathBuf::from(fs::read_to_string(&opened).expect("a path").trim_end());
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let inside = file.parent().expect("a folder").to_owned();
    assert_eq!((mode(&file), mode(&inside)), (0o600, 0o700));
    assert!(fs::read_to_string(&file).expect("a page").contains(&url));
    let arguments = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&arguments).contains("enter"));

    let (address, path) = url.split_once('/').expect("a path");
    assert_eq!(crate::http::get(address, &format!("/{path}")).status, 200);
    let start = Instant::now();
    while inside.exists() {
        assert!(start.elapsed() < Duration::from_secs(30), "{} is still there", inside.display());
        thread::yield_now();
    }
    let stopped = Command::new("kill").arg(child.id().to_string()).status().expect("kill");
    assert!(stopped.success() && child.wait().expect("it ends").success());
}
