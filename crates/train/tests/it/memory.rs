//! What does not fit in memory goes through files, and nothing of it shows in the outputs.

use std::fmt::Write as _;
use std::process::Command;

use test_support::sandbox::Run;

use crate::Workspace;

/// Runs with room for all rows, for some splits and for none, and compares all files.
fn assert_same(workspace: &Workspace, flags: &[&str]) {
    let run = |limit: &'static str, stored: &[&str]| {
        let run = workspace.run(limit, &[flags, &["--memory-limit", limit]].concat());
        for split in ["train", "eval", "test"] {
            let line = format!("room for: examples/{split}.csv goes through ");
            assert_eq!(
                run.stderr.contains(&line),
                stored.contains(&split),
                "{line}{}",
                run.stderr
            );
        }
        run.outputs();
        workspace.files(limit)
    };
    let held = run("1000", &[]);
    assert!(held.contains_key("model/model.onnx"), "{:?}", held.keys());
    assert!(
        run("0", &["train", "eval", "test"]) == held,
        "other files from disk"
    );
}

#[test]
fn a_run_writes_the_same_files_from_memory_and_from_disk() {
    let workspace = Workspace::new();
    assert_same(&workspace, &["--train-steps", "200", "--backtest", "2"]);
}

#[test]
fn rows_beyond_a_block_and_a_chart_s_points_are_no_different() {
    let workspace = Workspace::new();
    let rows = [9000, 2000, 4100];
    grow(&workspace, rows);
    assert_same(&workspace, &["--train-steps", "200", "--backtest", "2"]);
    // Room for the eval split and the test split.
    let flags = ["--train-steps", "200", "--memory-limit", "0"];
    let run = workspace.run("none", &flags);
    let log = run.stderr.clone();
    run.outputs();
    assert!(log.contains("train.csv goes through"), "{log}");
}

/// Repeats the rows of each split, on later days, until there are so many.
fn grow(workspace: &Workspace, rows: [usize; 3]) {
    let mut day = 0;
    let mut schema = workspace.text("examples/schema.json");
    for ((split, count), before) in ["train", "eval", "test"]
        .iter()
        .zip(rows)
        .zip([140, 30, 30])
    {
        let name = format!("examples/{split}.csv");
        let text = workspace.text(&name);
        let (header, lines) = text.split_once('\n').unwrap();
        let mut grown = format!("{header}\n");
        for line in lines.lines().cycle().take(count) {
            let (_, prices) = line.split_once(',').unwrap();
            let (year, month) = (1950 + day / 336, day / 28 % 12 + 1);
            writeln!(grown, "{year}-{month:02}-{:02},{prices}", day % 28 + 1).unwrap();
            day += 1;
        }
        workspace.write(&name, grown);
        schema = schema.replacen(
            &format!("\"rows\":{before}"),
            &format!("\"rows\":{count}"),
            1,
        );
    }
    workspace.write("examples/schema.json", schema);
}

#[test]
fn a_folder_for_temporary_files_that_fails_is_named() {
    let workspace = Workspace::new();
    let mut command = workspace.command("out", &["--memory-limit", "0"]);
    let missing = workspace.path("missing");
    command.env("TMPDIR", &missing);
    let error = std::fs::read_dir(&missing).unwrap_err();
    assert_eq!(
        Run::of(command.output().unwrap()).error(1),
        format!(
            "error: cannot keep the data on its way in {}: {error}",
            missing.display()
        )
    );

    // Short rows, so that the file is smaller than the inputs are as numbers.
    let row = |day: usize| format!("2020-{:02}-{:02},1,1,1,1\n", day / 28 + 1, day % 28 + 1);
    let rows: String = (0..140).map(row).collect();
    workspace.write(
        "examples/train.csv",
        format!("date,open,high,low,close\n{rows}"),
    );
    // The system refuses to let a file grow beyond 3072 bytes.
    let limited = "trap '' XFSZ; ulimit -f 6; exec \"$0\" \"$@\"";
    let train = workspace.command("out", &["--memory-limit", "0"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", limited])
        .arg(train.get_program())
        .args(train.get_args())
        .current_dir(workspace.path(""))
        .env("TMPDIR", workspace.path("tmp"));
    assert_eq!(
        Run::of(command.output().unwrap()).error(1),
        format!(
            "error: the examples in examples cannot be used: cannot write a temporary file in {}: \
             File too large (os error 27). Next step: make room there, or set TMPDIR to a folder \
             with room",
            workspace.path("tmp").display()
        )
    );
}

#[test]
fn threads_the_system_does_not_give_are_a_failure() {
    let workspace = Workspace::new();
    // A thread's stack is 2 MiB, and the process may have 1 GiB of addresses.
    let limited = "ulimit -v 1048576; exec \"$0\" \"$@\"";
    let train = workspace.command("out", &["--threads", "1024"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", limited])
        .arg(train.get_program())
        .args(train.get_args())
        .current_dir(workspace.path(""));
    assert_eq!(
        Run::of(command.output().unwrap()).error(1),
        "error: cannot start 1024 threads: Resource temporarily unavailable (os error 11). Next step: \
         lower --threads"
    );
}
