//! The `gcs-ingest` binary; everything it does is in the library.

fn main() -> std::process::ExitCode {
    component::main(&gcs_ingest::CONTRACT, gcs_ingest::run)
}
