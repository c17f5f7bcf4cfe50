//! Google Cloud credentials and REST clients; knows no machine learning.
