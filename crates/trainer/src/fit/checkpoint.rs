//! The bytes of a training under way: little-endian numbers, one after the other, as exact as in
//! memory.

use model::Network;

/// What the bytes begin with; the number changes with what follows.
const BEGIN: &[u8] = b"training 2\n";

#[derive(Debug)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new() -> Self {
        Self(BEGIN.to_vec())
    }

    pub(super) fn whole(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn real(&mut self, value: f64) {
        self.whole(value.to_bits());
    }

    pub(super) fn list(&mut self, values: &[f32]) {
        self.whole(values.len() as u64);
        self.0
            .extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub(super) fn numbers(&mut self, values: &[u32]) {
        self.whole(values.len() as u64);
        self.0
            .extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub(super) fn network(&mut self, network: &Network) {
        for layer in network.layers() {
            self.list(layer.weights());
            self.list(layer.bias());
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what a [`Writer`] wrote; `None` where the bytes are others.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(BEGIN).map(Self)
    }

    pub(super) fn whole(&mut self) -> Option<u64> {
        let (value, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*value))
    }

    pub(super) fn real(&mut self) -> Option<f64> {
        self.whole().map(f64::from_bits)
    }

    /// A list of the length that is expected.
    pub(super) fn list(&mut self, values: &mut [f32]) -> Option<()> {
        if self.whole()? != values.len() as u64 {
            return None;
        }
        for value in values {
            let (bytes, rest) = self.0.split_first_chunk()?;
            self.0 = rest;
            *value = f32::from_le_bytes(*bytes);
        }
        Some(())
    }

    /// A list of any length.
    pub(super) fn numbers(&mut self) -> Option<Vec<u32>> {
        let count = usize::try_from(self.whole()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(count.checked_mul(4)?)?;
        self.0 = rest;
        let (values, _) = bytes.as_chunks();
        Some(
            values
                .iter()
                .map(|bytes| u32::from_le_bytes(*bytes))
                .collect(),
        )
    }

    pub(super) fn network(&mut self, network: &mut Network) -> Option<()> {
        for layer in network.layers_mut() {
            let (weights, bias) = layer.parameters_mut();
            self.list(weights)?;
            self.list(bias)?;
        }
        Some(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
