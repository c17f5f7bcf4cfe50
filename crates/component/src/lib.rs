//! The Kubeflow Pipelines component contract: arguments, executor input and output, logs, exit codes, termination.
