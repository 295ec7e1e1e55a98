//! `--data`: which folders are accepted, and who waits for whom.

use std::os::unix::fs::symlink;
use std::{fs, thread};

use crate::command::{On, passgrant, run};
use crate::server::{Server, await_file, used_folder};

#[test]
fn a_command_makes_no_folder_and_says_how_one_is_made() {
    let parent = tempfile::tempdir().expect("a folder");
    let [missing, empty, odd] = ["missing", "empty", "it's odd"].map(|name| parent.path().join(name));
    fs::create_dir(&empty).expect("a folder");
    let commands =
        [&["client", "create", "web"][..], &["user", "list"], &["session", "list", "--user", "a"], &["key", "jwks"]];
    for command in commands {
        let path = missing.display();
        assert_eq!(
            On(&missing).run(command).refused(),
            format!("there is no data folder {path}: `passgrant serve --data {path}` creates it")
        );
        let path = empty.display();
        assert_eq!(
            On(&empty).run(command).refused(),
            format!("{path} is not a Passgrant data folder yet: `passgrant serve --data {path}` makes it one")
        );
    }
    assert!(!missing.exists());
    assert_eq!(fs::read_dir(&empty).expect("a folder").count(), 0, "nothing was put into it");
    let reason = On(&odd).run(&["client", "list"]).refused();
    let word = format!("'{}/it'\\''s odd'", parent.path().display());
    assert!(reason.ends_with(&format!("`passgrant serve --data {word}` creates it")), "{reason}");

    // The advice that was given works.
    let server = Server::on(&missing, &[]);
    drop(server);
    On(&missing).run(&["client", "create", "web"]).ok();
}

#[test]
fn a_folder_that_a_server_did_not_finish_making_is_not_a_data_folder_yet() {
    let data = tempfile::tempdir().expect("a folder");
    fs::write(data.path().join("lock"), "").expect("a file");
    let reason = On(data.path()).run(&["client", "list"]).refused();
    assert!(reason.contains("is not a Passgrant data folder yet: "), "{reason}");
}

#[test]
fn a_path_that_is_not_a_data_folder_is_called_what_it_is() {
    let parent = tempfile::tempdir().expect("a folder");
    let [file, below, link, stranger] = ["file", "file/below", "link", "stranger"].map(|name| parent.path().join(name));
    fs::write(&file, "x").expect("a file");
    symlink("nowhere", &link).expect("a link");
    fs::create_dir(&stranger).expect("a folder");
    fs::write(stranger.join("thesis.tex"), "x").expect("a file");
    for (path, reason) in [
        (&file, "is a file, not a folder"),
        (&below, "cannot be a folder: it is below a file"),
        (&link, "is a link to something that does not exist"),
        (&stranger, "is not a Passgrant data folder and not empty: it contains thesis.tex"),
    ] {
        let reason = format!("{} {reason}", path.display());
        for command in [&["client", "list"][..], &["key", "jwks"], &["serve", "--listen", "127.0.0.1:0"]] {
            assert_eq!(On(path).run(command).refused(), reason, "{command:?}");
        }
    }
    assert_eq!(fs::read(&file).expect("a file"), b"x");
    assert_eq!(fs::read_dir(&stranger).expect("a folder").count(), 1, "nothing was put into it");
}

#[test]
fn a_folder_that_cannot_be_read_is_not_called_missing() {
    let parent = tempfile::tempdir().expect("a folder");
    // The user who runs the tests may be able to read everything: a path that is too long stands for an unreadable one.
    let long = parent.path().join("x".repeat(300));
    for command in [&["client", "list"][..], &["key", "jwks"], &["serve", "--listen", "127.0.0.1:0"]] {
        let reason = On(&long).run(command).refused();
        assert_eq!(
            reason,
            format!("the data folder {}: File name too long (os error 36)", long.display()),
            "{command:?}"
        );
    }
}

#[test]
fn a_server_does_not_use_a_folder_that_holds_something_else() {
    let stranger = tempfile::tempdir().expect("a folder");
    fs::write(stranger.path().join("thesis.tex"), "x").expect("a file");
    let refused =
        run(passgrant().arg("--data").arg(stranger.path()).args(["serve", "--listen", "127.0.0.1:0"])).refused();
    assert!(refused.ends_with("is not a Passgrant data folder and not empty: it contains thesis.tex"), "{refused}");
}

#[test]
fn simultaneous_commands_wait_for_each_other() {
    let data = used_folder();
    thread::scope(|scope| {
        for id in ["a", "b", "c", "d"] {
            let folder = On(data.path());
            scope.spawn(move || folder.run(&["client", "create", id]).ok());
        }
    });
    assert_eq!(On(data.path()).json(&["client", "list"]).as_array().map(Vec::len), Some(4));
}

#[test]
fn a_command_waits_for_a_server_that_is_starting() {
    let parent = tempfile::tempdir().expect("a folder");
    let data = parent.path().join("data");
    thread::scope(|scope| {
        let server = scope.spawn(|| Server::on(&data, &["--demo"]));
        await_file(&data.join("dynamodb.sqlite"));
        let shown = On(&data).json(&["client", "show", "demo-client"]);
        assert_eq!(shown["client_id"], "demo-client");
        drop(server.join());
    });
}

#[test]
fn simultaneous_changes_are_all_kept() {
    let data = tempfile::tempdir().expect("a folder");
    let _server = Server::on(data.path(), &[]);
    let folder = On(data.path());
    folder.run(&["client", "create", "web", "--scope", "a"]).ok();
    let changes: [[&str; 2]; 3] = [["--name", "Web"], ["--default-scope", "a"], ["--access-token-lifetime", "5m"]];
    thread::scope(|scope| {
        for change in changes {
            scope.spawn(move || folder.run(&[&["client", "update", "web"][..], &change].concat()).ok());
        }
    });
    let client = folder.json(&["client", "show", "web"]);
    assert_eq!(
        (&client["name"], &client["default_scopes"][0], &client["access_token_lifetime"]),
        (&"Web".into(), &"a".into(), &300.into())
    );
}
