//! Loss, optimizer, fit, evaluation and hyperparameter search.
