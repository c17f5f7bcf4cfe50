//! The learning curves as `TensorBoard` reads them, where the platform names a folder for them.
//!
//! A file of records, each length, masked CRC32C of it, content, masked CRC32C of that; the content
//! is an `Event` of
//! <https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto>.

use std::time::{SystemTime, UNIX_EPOCH};

use storage::{PutOptions, Storage, Uri};
use trainer::Step;

use crate::Error;

/// The name says what the file is; every run of a job writes the same one.
const FILE: &str = "events.out.tfevents.0.train";

/// Writes the curves of a finished training, if the platform wants them.
pub(crate) async fn write(storage: &Storage, history: &[Step]) -> Result<(), Error> {
    let folder = std::env::var("AIP_TENSORBOARD_LOG_DIR").ok();
    let folder: Option<Uri> = folder.and_then(|folder| folder.parse().ok());
    let Some(folder) = folder else {
        return Ok(());
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let events = events(history, now.unwrap_or_default().as_secs_f64());
    let uri = folder.join(FILE);
    storage.write(&uri, events, PutOptions::default()).await?;
    tracing::info!("learning curves written to {uri}");
    Ok(())
}

/// The file's content; all events have the same wall time, the steps tell them apart.
fn events(history: &[Step], wall_time: f64) -> Vec<u8> {
    let mut file = Vec::new();
    let mut version = event(0, wall_time);
    bytes(&mut version, 3, b"brain.Event:2");
    record(&mut file, &version);
    for look in history {
        let mut event = event(look.step, wall_time);
        let mut summary = Vec::new();
        for (tag, value) in [
            ("loss/train", look.train_loss),
            ("loss/eval", look.eval_loss),
            (
                "eval/root_mean_squared_error",
                look.eval_root_mean_squared_error,
            ),
        ] {
            let mut scalar = Vec::new();
            bytes(&mut scalar, 1, tag.as_bytes());
            // Field 2, four bytes.
            scalar.push(2 << 3 | 5);
            scalar.extend((value as f32).to_le_bytes());
            bytes(&mut summary, 1, &scalar);
        }
        bytes(&mut event, 5, &summary);
        record(&mut file, &event);
    }
    file
}

/// An event's wall time and step.
fn event(step: u64, wall_time: f64) -> Vec<u8> {
    // Field 1, eight bytes.
    let mut event = vec![1 << 3 | 1];
    event.extend(wall_time.to_le_bytes());
    event.push(2 << 3);
    varint(&mut event, step);
    event
}

/// A field of bytes or text, or a message.
fn bytes(message: &mut Vec<u8>, field: u8, content: &[u8]) {
    message.push(field << 3 | 2);
    varint(message, content.len() as u64);
    message.extend(content);
}

fn varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

fn record(file: &mut Vec<u8>, content: &[u8]) {
    let length = (content.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked(&length));
    file.extend(content);
    file.extend(masked(content));
}

fn masked(content: &[u8]) -> [u8; 4] {
    let crc = crc32c::crc32c(content);
    crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_record_names_the_format() {
        let file = events(&[], 1.0);
        let length = usize::from(file[0]);
        assert_eq!(length, 26);
        let content = &file[12..12 + length];
        assert_eq!(content[..9], [9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(content[9..11], [16, 0]);
        assert_eq!(&content[11..], b"\x1a\x0dbrain.Event:2");
        assert_eq!(file.len(), 12 + length + 4);
    }

    #[test]
    fn every_look_is_an_event_with_three_scalars() {
        let look = Step {
            step: 300,
            train_loss: 0.5,
            eval_loss: 0.25,
            eval_root_mean_squared_error: 2.0,
            eval_mean_absolute_error: 1.5,
            parameters: 9,
        };
        let file = events(&[look], 0.0);
        let first = usize::from(file[0]) + 16;
        let content = &file[first + 12..];
        assert_eq!(content[9..12], [16, 0xac, 0x02], "step 300");
        let text = String::from_utf8_lossy(content);
        for tag in ["loss/train", "loss/eval", "eval/root_mean_squared_error"] {
            assert!(text.contains(tag), "{tag}");
        }
        let value = 2.0_f32.to_le_bytes();
        assert!(content.windows(4).any(|window| window == value));
    }
}
