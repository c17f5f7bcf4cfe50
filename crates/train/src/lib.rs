//! Trains the dense regressor with the best hyperparameters.
