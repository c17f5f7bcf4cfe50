//! Checks on the workspace as a whole: who may depend on whom, what stays out of which binary,
//! lints, file shapes, and that neither the tracked files nor the history hold a key.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use regex::bytes::Regex;
use serde_json::Value;

/// Every crate and the crates of this workspace it may depend on; the same table as in
/// `ARCHITECTURE.md`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("artifacts", &[]),
    ("cloud", &["component", "gcp", "storage"]),
    ("component", &["artifacts"]),
    (
        "deploy",
        &[
            "artifacts",
            "cloud",
            "component",
            "gcp",
            "model",
            "report",
            "storage",
        ],
    ),
    ("gcp", &[]),
    ("gcs-ingest", &["artifacts", "component", "storage"]),
    (
        "hptune",
        &[
            "artifacts",
            "cloud",
            "component",
            "gcp",
            "model",
            "report",
            "storage",
            "trainer",
        ],
    ),
    ("kernel", &[]),
    ("model", &["artifacts", "kernel"]),
    ("report", &[]),
    ("storage", &["gcp"]),
    ("test-support", &["storage"]),
    (
        "train",
        &[
            "artifacts",
            "cloud",
            "component",
            "gcp",
            "model",
            "report",
            "storage",
            "trainer",
        ],
    ),
    ("trainer", &["artifacts", "kernel", "model"]),
    (
        "transform",
        &[
            "artifacts",
            "cloud",
            "component",
            "gcp",
            "report",
            "storage",
        ],
    ),
];

const BINARIES: &[&str] = &["gcs-ingest", "transform", "hptune", "train", "deploy"];

/// Crates that take bytes and give bytes: none of these may be anywhere below them.
const PURE: &[&str] = &["artifacts", "kernel", "model", "report", "trainer"];
const IO: &[&str] = &["hyper", "mio", "reqwest", "tokio"];

#[test]
fn no_crate_depends_on_more_than_it_may() {
    let workspace = &*WORKSPACE;
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let listed: BTreeSet<_> = allowed.keys().copied().collect();
    assert_eq!(
        listed,
        workspace.members(),
        "crates in ALLOWED and crates in the workspace"
    );
    let mut forbidden = Vec::new();
    for name in workspace.members() {
        for (dependency, kind) in workspace.direct(name) {
            let fine = match kind {
                "dev" => !BINARIES.contains(&dependency),
                _ => allowed[name].contains(&dependency),
            };
            if workspace.members().contains(dependency) && !fine {
                forbidden.push(format!("{name} → {dependency} ({kind})"));
            }
        }
    }
    assert_eq!(forbidden, Vec::<String>::new());
}

#[test]
fn heavy_dependencies_stay_where_they_belong() {
    let workspace = &*WORKSPACE;
    let has_polars = |name: &&str| workspace.tree(name).iter().any(|p| p.starts_with("polars"));
    let with_polars: Vec<_> = workspace.members().into_iter().filter(has_polars).collect();
    assert_eq!(
        with_polars,
        ["transform"],
        "crates with polars in their tree"
    );
    assert!(
        !workspace.tree("deploy").contains("trainer"),
        "deploy carries trainer"
    );
    for name in PURE {
        let found: Vec<_> = IO
            .iter()
            .filter(|package| workspace.tree(name).contains(**package))
            .collect();
        assert_eq!(
            found,
            Vec::<&&str>::new(),
            "packages that do I/O below {name}"
        );
    }
}

#[test]
fn every_crate_has_the_lints_of_the_workspace() {
    let workspace = &*WORKSPACE;
    let root = manifest(&workspace.root);
    for name in workspace.members() {
        let lints = manifest(&workspace.root.join("crates").join(name))["lints"].clone();
        if name == "kernel" {
            // The one crate with `unsafe` (vector instructions): the same table but for that.
            let mut expected = root["workspace"]["lints"].clone();
            expected["rust"]["unsafe_code"] = lints["rust"]["unsafe_code"].clone();
            assert_eq!(lints, expected, "lints of kernel");
        } else {
            let inherited = toml::Table::from_iter([("workspace".to_owned(), true.into())]);
            assert_eq!(lints, inherited.into(), "lints of {name}");
        }
    }
}

#[test]
fn every_component_has_the_same_files_and_a_thin_main() {
    let workspace = &*WORKSPACE;
    for name in BINARIES {
        let folder = workspace.root.join("crates").join(name);
        for file in [
            "src/lib.rs",
            "src/args.rs",
            "src/error.rs",
            "tests/it/main.rs",
        ] {
            assert!(folder.join(file).is_file(), "{name} has no {file}");
        }
        let main = fs::read_to_string(folder.join("src/main.rs")).expect("every binary has a main");
        assert!(
            main.lines().count() <= 15,
            "main.rs of {name} is longer than 15 lines"
        );
    }
}

#[test]
fn no_source_file_is_longer_than_600_lines() {
    let root = &WORKSPACE.root;
    let too_long: Vec<_> = tracked_files(root)
        .into_iter()
        .filter(|path| has_extension(path, &["rs", "sh", "py"]))
        .filter_map(|path| {
            let lines = fs::read_to_string(root.join(&path)).ok()?.lines().count();
            (lines > 600).then(|| format!("{} has {lines} lines", path.display()))
        })
        .collect();
    assert_eq!(too_long, Vec::<String>::new());
}

#[test]
fn no_key_is_in_the_tracked_files_or_the_history() {
    let root = &WORKSPACE.root;
    let secret = secret_pattern();
    for path in tracked_files(root) {
        // A tracked file may be deleted in the work tree; the history below still has it.
        let Ok(content) = fs::read(root.join(&path)) else {
            continue;
        };
        assert!(!secret.is_match(&content), "{} holds a key", path.display());
    }
    let revisions = git(root, &["rev-list", "--objects", "--all"], b"");
    let objects: Vec<u8> = revisions
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').next())
        .flat_map(|object| [object, b"\n"].concat())
        .collect();
    let history = git(root, &["cat-file", "--batch"], &objects);
    assert!(history.len() > 10_000, "the history was not read");
    if let Some(found) = secret.find(&history) {
        // Not printed: only where to look.
        panic!(
            "a git object holds a key, at byte {} of `git cat-file --batch`",
            found.start()
        );
    }
}

#[test]
fn the_key_pattern_finds_keys_and_leaves_code_alone() {
    let secret = secret_pattern();
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ";
    for kind in ["", "RSA ", "EC "] {
        let header = format!("-----BEGIN {kind}PRIVATE KEY-----");
        assert!(
            secret.is_match(format!("{header}\n{body}").as_bytes()),
            "PEM file, {kind}"
        );
        assert!(
            secret.is_match(format!("{header}\\n{body}").as_bytes()),
            "JSON key, {kind}"
        );
        assert!(
            !secret.is_match(format!("{header}\", \"-----END\"").as_bytes()),
            "{kind}code"
        );
    }
    let token = format!("ya29.{body}");
    assert!(secret.is_match(token.as_bytes()), "access token");
    let key = format!("AIza{}", &body[..35]);
    assert!(secret.is_match(key.as_bytes()), "API key");
}

#[test]
fn real_keys_are_ignored_by_git() {
    let root = &WORKSPACE.root;
    let ignored = |path: &str| {
        let mut check = Command::new("git");
        check
            .args(["check-ignore", "--quiet", path])
            .current_dir(root);
        check.status().expect("git runs").success()
    };
    for key in [
        "service_account.json",
        "docker/my-service-account-1.json",
        "prod-key.json",
    ] {
        assert!(ignored(key), "{key} could be committed by accident");
    }
    assert!(
        !ignored("service_account.example.json"),
        "the example is meant to be tracked"
    );
    let first_rule = fs::read_to_string(root.join(".dockerignore")).expect("it is tracked");
    assert_eq!(
        first_rule.lines().find(|line| !line.starts_with('#')),
        Some("*"),
        "the build context starts out empty"
    );
}

/// Private keys (a PEM header with its body, on lines of its own or inside JSON), access tokens
/// and API keys. The header alone is not a key: every PEM reader contains it.
fn secret_pattern() -> Regex {
    Regex::new(concat!(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\s|\\n)*[A-Za-z0-9+/=]{40}",
        r"|ya29\.[A-Za-z0-9_-]{30}",
        r"|AIza[A-Za-z0-9_-]{35}",
    ))
    .expect("the pattern is valid")
}

fn tracked_files(root: &Path) -> Vec<PathBuf> {
    let listing = git(root, &["ls-files", "-z"], b"");
    let text = String::from_utf8(listing).expect("file names are UTF-8");
    text.split_terminator('\0').map(PathBuf::from).collect()
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .is_some_and(|found| extensions.iter().any(|wanted| found == *wanted))
}

/// Standard output of a git command that must succeed.
fn git(root: &Path, arguments: &[&str], stdin: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    let mut pipe = child.stdin.take().expect("it is piped");
    std::thread::scope(|scope| {
        // On a thread: git answers while it still reads.
        scope.spawn(move || pipe.write_all(stdin).expect("git reads its input"));
        let output = child.wait_with_output().expect("git ends");
        assert!(
            output.status.success(),
            "git {} failed",
            arguments.join(" ")
        );
        output.stdout
    })
}

fn manifest(folder: &Path) -> toml::Value {
    let text = fs::read_to_string(folder.join("Cargo.toml")).expect("every crate has a manifest");
    toml::Value::Table(text.parse().expect("cargo parsed it too"))
}

static WORKSPACE: LazyLock<Workspace> = LazyLock::new(Workspace::load);

/// What `cargo metadata` says.
struct Workspace {
    root: PathBuf,
    metadata: Value,
    /// Package names by their ids.
    names: BTreeMap<String, String>,
}

impl Workspace {
    fn load() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked"])
            // What the images run on; also keeps crates for other systems from being fetched.
            .arg("--filter-platform=x86_64-unknown-linux-gnu")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
        let root = PathBuf::from(text(&metadata["workspace_root"]));
        let names = array(&metadata["packages"])
            .iter()
            .map(|p| (text(&p["id"]).to_owned(), text(&p["name"]).to_owned()))
            .collect();
        Self {
            root,
            metadata,
            names,
        }
    }

    fn members(&self) -> BTreeSet<&str> {
        let ids = array(&self.metadata["workspace_members"]);
        ids.iter().map(|id| self.name(text(id))).collect()
    }

    fn name(&self, id: &str) -> &str {
        &self.names[id]
    }

    /// Names and kinds (`normal`, `build`, `dev`) of a member's own dependencies.
    fn direct(&self, member: &str) -> Vec<(&str, &str)> {
        let package = array(&self.metadata["packages"])
            .iter()
            .find(|p| p["name"] == member && p["source"].is_null())
            .expect("it is a member");
        array(&package["dependencies"])
            .iter()
            .map(|d| (text(&d["name"]), d["kind"].as_str().unwrap_or("normal")))
            .collect()
    }

    /// Names of everything that ends up in a member's binary (or runs to build it): its
    /// dependencies and theirs, without development dependencies.
    fn tree(&self, member: &str) -> BTreeSet<&str> {
        let nodes: BTreeMap<&str, &Value> = array(&self.metadata["resolve"]["nodes"])
            .iter()
            .map(|node| (text(&node["id"]), node))
            .collect();
        let ids = array(&self.metadata["workspace_members"]).iter().map(text);
        let mut open: Vec<&str> = ids.filter(|id| self.name(id) == member).collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                let shipped =
                    |d: &&Value| array(&d["dep_kinds"]).iter().any(|k| k["kind"] != "dev");
                open.extend(
                    array(&nodes[id]["deps"])
                        .iter()
                        .filter(shipped)
                        .map(|d| text(&d["pkg"])),
                );
            }
        }
        seen.into_iter()
            .map(|id| self.name(id))
            .filter(|name| *name != member)
            .collect()
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().expect("cargo gives a list here")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo gives a string here")
}
