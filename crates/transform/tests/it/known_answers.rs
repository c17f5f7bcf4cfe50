//! Known answers on the public table of 44 currencies, where it is at hand.

use std::path::PathBuf;

use crate::harness::Workspace;

#[test]
fn the_public_table_gives_the_known_examples_in_both_spellings() {
    let Some(folder) = std::env::var_os("KFP_REAL_DATA_DIR").map(PathBuf::from) else {
        println!("SKIPPED: KFP_REAL_DATA_DIR names no folder with crypto-markets.csv");
        return;
    };
    let examples = ["crypto-markets-iso.csv", "crypto-markets.csv"].map(|name| {
        let workspace = Workspace::new("");
        workspace.done(folder.join(name).to_str().unwrap(), &[]);
        let splits = workspace.json("schema.json")["splits"].clone();
        let rows = ["train", "eval", "test"].map(|split| splits[split]["rows"].as_u64().unwrap());
        assert_eq!(rows, [1255, 269, 269]);
        assert_eq!(splits["test"]["first_date"], "2017-06-30");
        assert_eq!(workspace.json("statistics.json")["rows"]["of_series"], 1793);
        let files = workspace.files();
        [
            "train.parquet",
            "eval.parquet",
            "test.parquet",
            "transform_params.json",
        ]
        .map(|name| files[name].clone())
    });
    assert!(
        examples[0] == examples[1],
        "the two spellings give different examples"
    );
}
