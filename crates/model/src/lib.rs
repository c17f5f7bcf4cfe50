//! The network, the row-wise feature transform, prediction and the ONNX model format.
