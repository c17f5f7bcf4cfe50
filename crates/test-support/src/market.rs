//! A seeded generator of market data that looks like a public table of crypto currencies:
//! same columns, same habits, invented numbers.
//!
//! Every coin is a random walk whose volatility comes in waves. A day is a few steps of it: the
//! first price is the opening price, the extremes are the highest and the lowest, the last is the
//! closing price. So, as in real data, the day's range tells something about its close.

mod dirt;
mod random;

use std::io::{self, Write};

use jiff::civil::{Date, date};

use random::Random;

/// The header line.
pub const HEADER: &str = "slug,symbol,name,date,ranknow,open,high,low,close,volume,market,\
                          close_ratio,spread";

/// The first coins; later ones are numbered.
const COINS: [(&str, &str, &str, f64); 4] = [
    ("bitcoin", "BTC", "Bitcoin", 135.0),
    ("ethereum", "ETH", "Ethereum", 2.8),
    ("ripple", "XRP", "\"Ripple, generated\"", 0.006),
    ("litecoin", "LTC", "Litecoin", 4.3),
];

/// Steps of the random walk in a day.
const STEPS: usize = 8;

/// How much is written. A coin's rows stand together, so the limit may cut the last coin short.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// So many rows, without the header.
    Rows(u64),
    /// At least so many bytes; the row that reaches them is the last.
    Bytes(u64),
}

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Market {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Days of each coin.
    pub days: u32,
    /// Whether to put in what real tables have: a gap, a duplicate, cells that are empty or no
    /// numbers, a lowest price above the highest, rows out of order.
    pub dirt: bool,
    /// Position of `bitcoin` among the coins, from 0.
    pub bitcoin_at: u64,
}

impl Default for Market {
    fn default() -> Self {
        Self {
            seed: 42,
            days: 1900,
            dirt: true,
            bitcoin_at: 0,
        }
    }
}

impl Market {
    /// Writes the table and returns the number of rows.
    pub fn write(&self, limit: Limit, out: &mut impl Write) -> io::Result<u64> {
        let mut rows = 0;
        let mut bytes = HEADER.len() as u64 + 1;
        writeln!(out, "{HEADER}")?;
        let mut line = String::new();
        for coin in 0.. {
            let mut walk = Walk::new(self, coin);
            for day in 0..self.days {
                let reached = match limit {
                    Limit::Rows(most) => rows >= most,
                    Limit::Bytes(least) => bytes >= least,
                };
                if reached {
                    return Ok(rows);
                }
                line.clear();
                walk.day(day, &mut line);
                out.write_all(line.as_bytes())?;
                rows += line.bytes().filter(|byte| *byte == b'\n').count() as u64;
                bytes += line.len() as u64;
            }
        }
        Ok(rows)
    }

    /// The table of `coins` coins in memory.
    ///
    /// # Panics
    /// Never: memory takes all writes.
    pub fn table(&self, coins: u32) -> Vec<u8> {
        let mut table = Vec::new();
        let rows = u64::from(self.days) * u64::from(coins);
        self.write(Limit::Rows(rows), &mut table)
            .expect("memory takes all writes");
        table
    }
}

/// One coin's random walk.
struct Walk {
    slug: String,
    symbol: String,
    name: String,
    rank: u64,
    first: Date,
    dirt: bool,
    random: Random,
    price: f64,
    supply: f64,
    /// Logarithm of the volatility, relative to its usual level.
    wave: f64,
    days: u32,
}

/// The numbers of a row.
struct Day {
    date: Date,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
}

impl Walk {
    fn new(market: &Market, coin: u64) -> Self {
        // `bitcoin` changes places with the coin that stands where it is wanted.
        let index = match coin {
            0 => market.bitcoin_at,
            other if other == market.bitcoin_at => 0,
            other => other,
        };
        let (slug, symbol, name, price) = match COINS.get(index as usize) {
            Some((slug, symbol, name, price)) => (
                (*slug).to_owned(),
                (*symbol).to_owned(),
                (*name).to_owned(),
                *price,
            ),
            None => (
                format!("coin-{index}"),
                format!("C{index}"),
                format!("Coin {index}"),
                0.01 * (1 + index % 500) as f64,
            ),
        };
        Self {
            slug,
            symbol,
            name,
            rank: index + 1,
            first: date(2013, 4, 28),
            dirt: market.dirt,
            random: Random::new(market.seed.wrapping_add(index.wrapping_mul(0x9E37_79B9))),
            price,
            supply: 1.1e7 * (1.0 + index as f64),
            wave: 0.0,
            days: market.days,
        }
    }

    /// Appends the line, or lines, of a day.
    fn day(&mut self, day: u32, lines: &mut String) {
        let numbers = self.numbers(day);
        let line = self.line(&numbers);
        if self.dirt {
            dirt::soil(day, self.days, &line, lines);
        } else {
            lines.push_str(&line);
        }
    }

    fn numbers(&mut self, day: u32) -> Day {
        self.wave = 0.97 * self.wave + 0.15 * self.random.normal();
        let step = 0.035 / (STEPS as f64).sqrt() * self.wave.exp();
        let open = self.price;
        let (mut high, mut low) = (open, open);
        for _ in 0..STEPS {
            self.price *= (0.0002 + step * self.random.normal()).exp();
            high = high.max(self.price);
            low = low.min(self.price);
        }
        let volume = open * self.supply * 0.02 * (0.5 * self.random.normal() + self.wave).exp();
        Day {
            date: self
                .first
                .saturating_add(jiff::Span::new().days(i64::from(day))),
            open,
            high,
            low,
            close: self.price,
            volume,
        }
    }

    fn line(&self, day: &Day) -> String {
        let range = day.high - day.low;
        let ratio = if range > 0.0 {
            (day.close - day.low) / range
        } else {
            0.5
        };
        format!(
            "{},{},{},{},{},{},{},{},{},{:.0},{:.0},{ratio:.4},{range:.2}\n",
            self.slug,
            self.symbol,
            self.name,
            day.date,
            self.rank,
            price(day.open),
            price(day.high),
            price(day.low),
            price(day.close),
            day.volume,
            day.close * self.supply,
        )
    }
}

/// Two decimals, or six for prices below one.
fn price(value: f64) -> String {
    if value < 1.0 {
        format!("{:.6}", value.max(1e-6))
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let market = Market {
            days: 300,
            ..Market::default()
        };
        assert_eq!(market.table(3), market.table(3));
        assert_ne!(market.table(3), Market { seed: 7, ..market }.table(3));
    }

    #[test]
    fn limits_hold() {
        let market = Market {
            dirt: false,
            ..Market::default()
        };
        let mut table = Vec::new();
        assert_eq!(market.write(Limit::Rows(2500), &mut table).unwrap(), 2500);
        assert_eq!(table.split(|byte| *byte == b'\n').count(), 2502);
        table.clear();
        market.write(Limit::Bytes(100_000), &mut table).unwrap();
        assert!((100_000..100_200).contains(&table.len()));
    }

    #[test]
    fn bitcoin_can_stand_elsewhere() {
        let market = Market {
            dirt: false,
            days: 2,
            bitcoin_at: 2,
            ..Market::default()
        };
        let table = String::from_utf8(market.table(3)).unwrap();
        let slugs: Vec<_> = table
            .lines()
            .skip(1)
            .step_by(2)
            .map(|line| &line[..7])
            .collect();
        assert_eq!(slugs, ["ripple,", "ethereu", "bitcoin"]);
    }

    #[test]
    fn a_clean_row_is_consistent() {
        let market = Market {
            dirt: false,
            ..Market::default()
        };
        let table = String::from_utf8(market.table(1)).unwrap();
        for line in table.lines().skip(1) {
            let cells: Vec<f64> = line
                .split(',')
                .skip(5)
                .map(|cell| cell.parse().unwrap())
                .collect();
            let [open, high, low, close, ..] = cells[..] else {
                panic!("{line}")
            };
            assert!(
                low > 0.0 && low <= open.min(close) && high >= open.max(close),
                "{line}"
            );
        }
    }
}
