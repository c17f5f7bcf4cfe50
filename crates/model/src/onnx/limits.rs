//! Bounds a file's decoded size before it is decoded.
//!
//! Protobuf's repeated messages can be two bytes each in the file and a hundred in memory. The
//! weights are the only part of a model that is rightly large and they are stored as they are
//! in memory, so everything else together is kept small.

use super::OnnxError;

/// Largest file, in bytes: 64 Mi parameters.
const MAX_FILE_BYTES: usize = 256 << 20;
/// Most bytes outside the weights' `raw_data`.
const MAX_STRUCTURE_BYTES: usize = 1 << 20;

// The path to the weights: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data.
const PATH: [u64; 3] = [7, 5, 9];

/// Refuses a file that is too large, cut off, or whose structure is too large.
pub(super) fn check(file: &[u8]) -> Result<(), OnnxError> {
    if file.len() > MAX_FILE_BYTES {
        return Err(OnnxError::TooLarge {
            what: "the file",
            bytes: file.len(),
            limit: MAX_FILE_BYTES,
        });
    }
    let weights = length_at(file, &PATH).ok_or(OnnxError::Malformed)?;
    let structure = file.len() - weights;
    if structure > MAX_STRUCTURE_BYTES {
        let what = "the part of the file outside the weights";
        return Err(OnnxError::TooLarge {
            what,
            bytes: structure,
            limit: MAX_STRUCTURE_BYTES,
        });
    }
    Ok(())
}

/// Total length of the length-delimited fields at `path` below `message`; `None` where the
/// message is cut off or holds a wire type the format does not use.
fn length_at(mut message: &[u8], path: &[u64]) -> Option<usize> {
    let Some((field, below)) = path.split_first() else {
        return Some(message.len());
    };
    let mut total = 0;
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let skip = match key & 7 {
            0 => {
                varint(&mut message)?;
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (value, rest) = message.split_at_checked(skip)?;
        if key & 7 == 2 && key >> 3 == *field {
            total += length_at(value, below)?;
        }
        message = rest;
    }
    Some(total)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
