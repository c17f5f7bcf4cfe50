//! One address type and streams over local disk and Google Cloud Storage.
