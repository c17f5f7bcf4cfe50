//! Turns a raw table into train, eval and test examples.
