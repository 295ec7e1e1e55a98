//! The house: every module of `src/` imports only from floors below its own, and nothing imports in a circle. The floors
//! are the ones that `docs/architecture.md` lists. The integration tests import from their rig, and not from each other.

#![expect(clippy::expect_used, reason = "a house that cannot be read has failed its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where a module imports another.
#[derive(Clone, Debug)]
struct Import {
    of: String,
    line: usize,
}

/// The modules of the library by path, as in `client::keys`, and what each imports.
struct House {
    files: BTreeMap<String, PathBuf>,
    imports: BTreeMap<String, Vec<Import>>,
}

impl House {
    fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(root, root, &mut files);
        let mut imports = BTreeMap::new();
        for (module, file) in &files {
            let text = fs::read_to_string(file).expect("a source file");
            let own: Vec<Import> = imports_of(&text)
                .into_iter()
                .filter_map(|(line, path)| Some(Import { of: known(&path, &files)?, line }))
                .filter(|import| import.of != *module)
                .collect();
            imports.insert(module.clone(), own);
        }
        Self { files, imports }
    }

    fn place(&self, module: &str, line: usize) -> String {
        format!("{}:{line}", self.files[module].display())
    }
}

/// Every source file below `folder`, except the binaries and `lib.rs`, which only names the modules.
fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let below = path.strip_prefix(root).expect("below the root");
        if path.is_dir() {
            if below != Path::new("bin") {
                collect(root, &path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && below != Path::new("lib.rs") {
            let module = below.with_extension("").to_str().expect("UTF-8").replace('/', "::");
            files.insert(module, path);
        }
    }
}

/// The deepest module that `path` names something of.
fn known(path: &str, files: &BTreeMap<String, PathBuf>) -> Option<String> {
    let mut path = path;
    loop {
        if files.contains_key(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// Every path below `crate::` that the text outside its unit tests names, with its line. A re-export of
/// something below the module is not an import.
fn imports_of(text: &str) -> Vec<(usize, String)> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let before = &text[..at];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let lead = text[line_start..at].trim_start();
        if lead.starts_with("//") || lead.starts_with("pub use ") {
            continue;
        }
        let line = before.matches('\n').count() + 1;
        let end = if lead == "use " { text[at..].find(';') } else { text[at..].find(|c: char| !is_path(c)) };
        let tree = &text[at + "crate::".len()..at + end.unwrap_or(text.len() - at)];
        found.extend(paths_of(tree).into_iter().map(|path| (line, path)));
    }
    found
}

fn is_path(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':')
}

/// The paths of a use tree, as in `client::{self, keys::ClientKeys}`.
fn paths_of(tree: &str) -> Vec<String> {
    let Some((prefix, inner)) = tree.split_once('{') else {
        return vec![tree.trim().trim_end_matches("::self").to_owned()];
    };
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, character) in inner.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    parts.flat_map(|part| paths_of(&format!("{}{part}", prefix.trim()))).collect()
}

/// The floors, the top one first: each a line of modules in the list of `docs/architecture.md`.
fn floors() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs/architecture.md")).expect("the document");
    let list = text.split_once("```floors\n").and_then(|(_, rest)| rest.split_once("```")).expect("a list of floors").0;
    list.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The floor of a module: its own, or that of the module it is inside of.
fn floor(floors: &[Vec<String>], module: &str) -> Option<usize> {
    let mut module = module;
    loop {
        if let Some(floor) = floors.iter().position(|floor| floor.iter().any(|room| room == module)) {
            return Some(floor);
        }
        module = module.rsplit_once("::")?.0;
    }
}

#[test]
fn every_import_runs_down() {
    let (house, floors) = (House::read(&root().join("src")), floors());
    let mut upward = Vec::new();
    for (module, imports) in &house.imports {
        let Some(own) = floor(&floors, module) else {
            upward.push(format!("{module} stands on no floor"));
            continue;
        };
        for Import { of, line } in imports {
            if floor(&floors, of).is_some_and(|other| other < own) {
                upward.push(format!("{}: {module} imports {of}, which is above it", house.place(module, *line)));
            }
        }
    }
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

#[test]
fn every_floor_has_only_modules_that_exist() {
    let house = House::read(&root().join("src"));
    let unknown: Vec<String> =
        floors().into_iter().flatten().filter(|module| !house.files.contains_key(module)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn nothing_imports_in_a_circle() {
    fn visit(house: &House, module: &str, on_the_way: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<String> {
        if done.contains(module) {
            return None;
        }
        on_the_way.push(module.to_owned());
        for Import { of, line } in &house.imports[module] {
            if let Some(at) = on_the_way.iter().position(|before| before == of) {
                let circle = on_the_way[at..].join(" -> ");
                return Some(format!("{}: {circle} -> {of}", house.place(module, *line)));
            }
            if let Some(circle) = visit(house, of, on_the_way, done) {
                return Some(circle);
            }
        }
        on_the_way.pop();
        done.insert(module.to_owned());
        None
    }
    let house = House::read(&root().join("src"));
    let mut done = BTreeSet::new();
    let circle = house.imports.keys().find_map(|module| visit(&house, module, &mut Vec::new(), &mut done));
    assert_eq!(circle, None);
}

/// The imports of the integration tests at `root` that are not from their rig.
fn imports_from_tests(root: &Path) -> Vec<String> {
    let house = House::read(root);
    let is_in_rig = |module: &str| module == "rig" || module.starts_with("rig::");
    let mut wrong = Vec::new();
    for (module, imports) in &house.imports {
        for Import { of, line } in imports.iter().filter(|import| !is_in_rig(&import.of)) {
            wrong.push(format!("{}: {module} imports {of}, which is a test", house.place(module, *line)));
        }
        let text = fs::read_to_string(&house.files[module]).expect("a source file");
        for (at, line) in text.lines().enumerate().filter(|_| !is_in_rig(module)) {
            if line.trim_start().starts_with("use super::") {
                wrong.push(format!("{}: {module} imports from above it", house.place(module, at + 1)));
            }
        }
    }
    wrong
}

#[test]
fn a_test_imports_from_the_rig_and_never_from_another_test() {
    let wrong = imports_from_tests(&root().join("tests/it"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_import_from_another_test_is_found_with_its_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("rig")).expect("a folder");
    for (name, text) in [
        ("rig.rs", "mod app;\n"),
        ("rig/app.rs", "use super::clock;\nuse crate::one::helper;\n"),
        ("one.rs", "//! One.\n\nuse crate::rig::app;\nuse crate::{rig, two::three};\n"),
        ("two.rs", "use super::one;\n"),
    ] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let place = |name: &str| folder.path().join(name).display().to_string();
    let expected = [
        format!("{}:4: one imports two, which is a test", place("one.rs")),
        format!("{}:2: rig::app imports one, which is a test", place("rig/app.rs")),
        format!("{}:1: two imports from above it", place("two.rs")),
    ];
    assert_eq!(imports_from_tests(folder.path()), expected);
}

#[test]
fn imports_are_found_in_every_form() {
    let text = "use crate::a::{self, b::C, D};\nuse crate::e;\npub use crate::f::G;\n// crate::no\nfn f() -> crate::h::I {}\n\
                #[cfg(test)]\nmod tests {\n    use crate::t;\n}\n";
    let found = imports_of(text);
    let expected = [(1, "a"), (1, "a::b::C"), (1, "a::D"), (2, "e"), (5, "h::I")];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
}
