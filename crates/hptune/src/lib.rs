//! Tunes hyperparameters of the dense regressor.
