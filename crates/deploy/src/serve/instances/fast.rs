//! Instances straight into rows, without a document in between: a large body costs no more memory
//! than its rows.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Asked;

/// The rows and parameters of a body that is plain and well formed; none otherwise.
pub(super) fn read(body: &[u8], inputs: &[String]) -> Option<Asked> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let asked = Body { inputs }.deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(asked)
}

/// `{"instances": […], …}`
struct Body<'a> {
    inputs: &'a [String],
}

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = Asked;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = Asked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with instances")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rows = None;
        let mut parameters = None;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Instances if rows.is_some() => {
                    return Err(Error::duplicate_field("instances"));
                }
                Key::Parameters if parameters.is_some() => {
                    return Err(Error::duplicate_field("parameters"));
                }
                Key::Instances => {
                    let mut read = Vec::new();
                    let (inputs, rows_read) = (self.inputs, &mut read);
                    map.next_value_seed(Instances {
                        inputs,
                        rows: rows_read,
                    })?;
                    rows = Some(read);
                }
                Key::Parameters => parameters = Some(map.next_value()?),
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Asked {
            rows: rows.ok_or_else(|| Error::missing_field("instances"))?,
            parameters: parameters.unwrap_or_default(),
        })
    }
}

/// A key of the body.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Instances,
    Parameters,
    #[serde(other)]
    Other,
}

/// The list of instances.
struct Instances<'a> {
    inputs: &'a [String],
    rows: &'a mut Vec<f32>,
}

impl<'de> DeserializeSeed<'de> for Instances<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Instances<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of instances")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { inputs, rows } = self;
        while list.next_element_seed(Instance { inputs, rows })?.is_some() {}
        Ok(())
    }
}

/// One instance in any of its forms.
struct Instance<'a> {
    inputs: &'a [String],
    rows: &'a mut Vec<f32>,
}

impl<'de> DeserializeSeed<'de> for Instance<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl Instance<'_> {
    /// The cells that were pushed since `start` are a row.
    fn check<E: Error>(&self, start: usize) -> Result<(), E> {
        if self.rows.len() - start == self.inputs.len() {
            return Ok(());
        }
        Err(E::custom("a row of another width"))
    }
}

impl<'de> Visitor<'de> for Instance<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an instance")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        let start = self.rows.len();
        while let Some(cell) = cells.next_element::<f64>()? {
            self.rows.push(cell as f32);
        }
        self.check(start)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        let start = self.rows.len();
        let width = self.inputs.len();
        // A cell that was not given stays NaN, which JSON cannot spell.
        self.rows.resize(start + width, f32::NAN);
        let row = &mut self.rows[start..];
        let mut given = 0;
        while let Some(position) = cells.next_key_seed(Position(self.inputs))? {
            let cell = &mut row[position];
            if !cell.is_nan() {
                return Err(Error::custom("a cell is given twice"));
            }
            *cell = cells.next_value::<f64>()? as f32;
            given += 1;
        }
        if given == width {
            return Ok(());
        }
        Err(Error::custom("a cell is missing"))
    }

    fn visit_str<E: Error>(self, csv: &str) -> Result<(), E> {
        let start = self.rows.len();
        for cell in csv.split(',') {
            let number: f64 = cell.trim().parse().map_err(E::custom)?;
            self.rows.push(number as f32);
        }
        self.check(start)
    }
}

/// The position of the input that a key names.
struct Position<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Position<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Position<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an input's name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<usize, E> {
        let position = self.0.iter().position(|name| name == key);
        position.ok_or_else(|| E::custom("not an input"))
    }
}
