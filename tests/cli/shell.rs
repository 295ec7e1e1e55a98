//! Completions and manual pages.

use std::collections::BTreeSet;
use std::fs;

use tempfile::tempdir;

use crate::command::{passgrant, run};

#[test]
fn each_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(passgrant().args(["completions", shell])).ok();
        assert!(script.contains("rotate-secret") && script.contains("password-stdin"), "{shell}");
    }
    assert!(run(passgrant().args(["completions", "ksh"])).misused().contains("[possible values: bash, elvish"));
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempdir().expect("a folder");
    assert_eq!(run(passgrant().arg("man").arg(folder.path())).ok(), "");
    let names = fs::read_dir(folder.path()).expect("a folder").map(|page| page.expect("a page").file_name());
    let names: BTreeSet<String> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    for name in ["passgrant.1", "passgrant-serve.1", "passgrant-user.1", "passgrant-user-create.1", "passgrant-man.1"] {
        assert!(names.contains(name), "{name} of {names:?}");
    }
    let page = fs::read_to_string(folder.path().join("passgrant-user-create.1")).expect("a page");
    assert!(page.contains("Examples:") && page.contains("password"), "{page}");
    let refused = run(passgrant().args(["man", "/nonexistent"])).refused();
    assert_eq!(refused, "/nonexistent: No such file or directory (os error 2)");
}

/// They need no configuration, so a wrong one does not keep them from being installed.
#[test]
fn neither_reads_the_environment() {
    let mut command = passgrant();
    assert!(run(command.env("PASSGRANT_ISSUER", "not a URL").args(["completions", "bash"])).code == Some(0));
}
