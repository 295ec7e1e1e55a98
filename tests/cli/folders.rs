//! `--data`: which folders are taken, and whose turn it is.

use std::{fs, thread};

use crate::command::{On, passgrant, run};
use crate::server::{Server, await_file, used_folder};

#[test]
fn a_command_makes_no_folder_and_takes_no_stranger() {
    let parent = tempfile::tempdir().expect("a folder");
    let missing = parent.path().join("missing");
    let file = parent.path().join("file");
    fs::write(&file, "x").expect("a file");
    for path in [&missing, &file, &parent.path().to_owned()] {
        let reason = On(path).run(&["client", "list"]).refused();
        assert_eq!(reason, format!("{} is no Passgrant data folder", path.display()));
    }
    assert!(!missing.exists());
    let entries = fs::read_dir(parent.path()).expect("a folder").count();
    assert_eq!(entries, 1, "nothing was put into it");
}

#[test]
fn a_server_takes_no_strangers_folder() {
    let stranger = tempfile::tempdir().expect("a folder");
    fs::write(stranger.path().join("thesis.tex"), "x").expect("a file");
    let refused =
        run(passgrant().arg("--data").arg(stranger.path()).args(["serve", "--listen", "127.0.0.1:0"])).refused();
    assert!(refused.ends_with("is no Passgrant data folder, and not empty: it holds thesis.tex"), "{refused}");
}

#[test]
fn commands_at_once_wait_for_each_other() {
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
fn changes_at_once_are_all_kept() {
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
