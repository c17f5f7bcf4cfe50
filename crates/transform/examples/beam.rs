//! The Dataflow stage by hand: `beam pipeline INPUT OUTPUT` prints the Beam YAML of the default
//! configuration, `beam gather OUTPUT` the table of what it wrote.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use transform::config::Config;
use transform::dataflow::{ROWS, Stage, gather};
use transform::plan::Plan;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let config = Config::default();
    let plan = Plan::new(&config)?;
    match arguments[..] {
        ["pipeline", input, output] => {
            let pipeline = Stage::new(&config, &plan, vec![input.to_owned()], output).pipeline();
            io::stdout().write_all(pipeline.as_bytes())?;
        }
        ["gather", output] => {
            let stage = Stage::new(&config, &plan, Vec::new(), output);
            let mut paths: Vec<PathBuf> = Vec::new();
            for entry in fs::read_dir(output)? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with(ROWS) {
                    paths.push(path);
                }
            }
            let parts = paths
                .iter()
                .map(File::open)
                .collect::<io::Result<Vec<_>>>()?;
            gather(
                &stage.columns,
                parts,
                Vec::<File>::new(),
                io::stdout().lock(),
            )?;
        }
        _ => return Err("usage: beam pipeline INPUT OUTPUT | beam gather OUTPUT".into()),
    }
    Ok(())
}
