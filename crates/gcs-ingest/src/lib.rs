//! Moves raw data from any HTTP source into a storage bucket.
