//! Writes generated market data to standard output.

use std::io::{self, BufWriter, Write};

use clap::Parser;
use test_support::market::{Limit, Market};

/// Writes generated market data (CSV) to standard output.
#[derive(Debug, Parser)]
struct Args {
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 42)]
    seed: u64,

    /// Rows to write, without the header
    #[arg(long, default_value_t = 6000, conflicts_with = "bytes")]
    rows: u64,

    /// Bytes to write, about
    #[arg(long)]
    bytes: Option<u64>,

    /// Days of each coin
    #[arg(long, default_value_t = 1900)]
    days: u32,

    /// Leave out the dirt: gap, duplicate, empty and bad cells
    #[arg(long)]
    clean: bool,

    /// Position of bitcoin among the coins, from 0
    #[arg(long, default_value_t = 0)]
    bitcoin_at: u64,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let market = Market {
        seed: args.seed,
        days: args.days,
        dirt: !args.clean,
        bitcoin_at: args.bitcoin_at,
    };
    let limit = args.bytes.map_or(Limit::Rows(args.rows), Limit::Bytes);
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    market.write(limit, &mut out)?;
    out.flush()
}
